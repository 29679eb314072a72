// A page that names a stream of events is told when something happened, at most once a second, and asks for itself anew.
(() => {
  const PAUSE_MS = 1000;
  let source = null, due = null, last = 0;

  const place = () => document.querySelector("[data-events]");
  const tell = () => {
    due = null;
    last = Date.now();
    document.getElementById("live")?.dispatchEvent(new Event("told"));
  };
  const soon = () => { due ??= setTimeout(tell, Math.max(0, last + PAUSE_MS - Date.now())); };
  const close = () => { source?.close(); source = null; };
  const open = () => {
    if (source || document.hidden || !place()) return;
    source = new EventSource(place().dataset.events);
    source.onmessage = soon;
    source.onerror = soon;
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    if (place()) soon();
    open();
  });
  document.addEventListener("htmx:after:swap", () => { if (!place()) close(); });
  addEventListener("pagehide", close);
  open();
})();
