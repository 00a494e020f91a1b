/** The waiting page: asks how the window stands, and shows the result as soon as there is one. */
(function () {
  "use strict";

  const FIRST_MS = 1000;
  const SLOWEST_MS = 5000;
  const card = document.getElementById("waiting");
  const path = card && card.dataset.window;
  if (!path) return;

  /** @param {number} waitMs */
  async function look(waitMs) {
    try {
      const answer = await fetch(`${path}/result`, { cache: "no-store" });
      const told = await answer.json();
      // The page itself knows where the payer goes next: at its own address, never the form post's.
      if (told.rsp || told.error) return location.replace(`${path}`);
    } catch (unreachable) {
      console.warn("the gateway did not answer", unreachable);
    }
    setTimeout(() => look(Math.min(waitMs * 1.5, SLOWEST_MS)), waitMs);
  }

  const stop = document.querySelector('[data-act="stop"]');
  if (stop instanceof HTMLButtonElement) {
    stop.hidden = false;
    stop.addEventListener("click", async () => {
      stop.disabled = true;
      try {
        await fetch(`${path}/close`, { method: "POST" });
        location.replace(`${path}`);
      } catch (unreachable) {
        stop.disabled = false;
      }
    });
  }
  setTimeout(() => look(FIRST_MS), FIRST_MS);
})();
