/** The result page: tells the page that opened the popup, and closes once it was heard. */
(function () {
  "use strict";

  const REPEAT_MS = 400;
  const REPEATS_MAX = 25;
  const card = document.getElementById("result");
  const data = document.getElementById("message");
  const pageOrigin = card && card.dataset.pageOrigin;
  const goTo = card && card.dataset.goTo;
  const opener = window.opener;

  /** @param {string} act @param {() => void} what */
  function offer(act, what) {
    const button = document.querySelector(`[data-act="${act}"]`);
    if (!(button instanceof HTMLElement)) return;
    button.hidden = false;
    button.addEventListener("click", what);
  }

  /** Only the page that called is told (`targetOrigin`), and only it can say that it has heard.
   * @param {string} origin @param {any} message */
  function tell(origin, message) {
    let repeats = 0;
    const timer = setInterval(say, REPEAT_MS);
    function say() {
      repeats += 1;
      if (repeats > REPEATS_MAX || opener.closed) clearInterval(timer);
      else opener.postMessage(message, origin);
    }
    window.addEventListener("message", (event) => {
      const told = event.data;
      if (event.origin !== origin || !told || typeof told !== "object") return;
      if (told.source !== "dasi" || told.kind !== "heard" || told.window_token !== message.window_token) return;
      clearInterval(timer);
      window.close();
    });
    say();
  }

  if (data && opener && pageOrigin) tell(pageOrigin, JSON.parse(data.textContent || "null"));
  if (goTo) location.replace(goTo);

  offer("reload", () => location.reload());
  if (history.length > 1) offer("back", () => history.back());
  if (opener) {
    offer("close", () => window.close());
  } else {
    const note = document.querySelector('[data-note="stay"]');
    if (note instanceof HTMLElement && !goTo) note.hidden = false;
  }
})();
