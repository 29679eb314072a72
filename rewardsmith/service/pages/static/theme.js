// Light, dark, or what the system says; kept in this browser.
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const now = () => kept() ?? (dark.matches ? "dark" : "light");
  const other = () => (now() === "dark" ? "light" : "dark");
  const paint = () => {
    if (kept()) root.dataset.theme = kept();
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.textContent = other() === "dark" ? "Dark" : "Light";
    }
    document.dispatchEvent(new Event("themed"));
  };
  paint();
  dark.addEventListener("change", paint);
  document.addEventListener("DOMContentLoaded", () => {
    paint();
    document.getElementById("theme").addEventListener("click", () => {
      try { localStorage.setItem("theme", other()); } catch { root.dataset.theme = other(); }
      paint();
    });
  });
})();
