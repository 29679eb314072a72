// A button that copies the text that it names.
(() => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const text = document.querySelector(button.dataset.copy), name = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = name; }, 2000);
    });
  }
})();
