// A page that keeps itself up to date says when it no longer can, and takes that back once it can again.
(() => {
  const line = document.getElementById("away");
  const say = (why) => { line.textContent = `${why} What you see here may be out of date.`; line.hidden = false; };
  document.addEventListener("htmx:after:request", (event) => {
    const { status } = event.detail.ctx.response;
    if (status < 400) line.hidden = true;
    else say(`The server answered with error ${status}.`);
  });
  document.addEventListener("htmx:error", (event) => { if (event.detail.ctx) say("The server cannot be reached."); });
})();
