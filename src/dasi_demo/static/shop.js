// The page's half of a payment: opens the gateway's window and, when it is over, goes to /finish,
// where the shop's server asks the gateway what really happened. Nothing here decides anything.
"use strict";

/** Opens the window for the order on this page. */
function startPaying(/** @type {HTMLFormElement} */ form) {
  const trouble = /** @type {HTMLElement} */ (document.getElementById("trouble"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const label = button.textContent;
  const complain = (/** @type {string} */ text) => {
    trouble.textContent = text;
    trouble.hidden = false;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trouble.hidden = true;
    if (!form.checkValidity()) return complain(form.dataset.fillIn);
    if (!window.IMP) return complain(form.dataset.noWindow);

    button.disabled = true;
    button.textContent = form.dataset.busy;
    const request = { ...JSON.parse(form.dataset.paymentRequest), ...Object.fromEntries(new FormData(form)) };
    window.IMP.init(form.dataset.merchantCode);
    // On a computer the callback is called once, on a phone the browser is sent to m_redirect_url.
    // Both lead to the same address: there is one way to finish an order, not two.
    window.IMP.request_pay(request, (rsp) => {
      const told = new URLSearchParams({ merchant_uid: request.merchant_uid });
      if (rsp.imp_uid) told.set("imp_uid", rsp.imp_uid);
      if (rsp.error_msg) told.set("error_msg", rsp.error_msg);
      window.location.assign(`/finish?${told}`);
    });
  });

  // From here on pressing the button does something. A phone's "back" shows the page as it was
  // left, so this is done each time the page is shown.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = label;
  });
}

/** Keeps a part of the page fresh; leaves it alone while a button in it has the focus. */
function keepFresh(/** @type {HTMLElement} */ part) {
  const look = async () => {
    if (document.visibilityState === "visible" && !part.contains(document.activeElement)) {
      try {
        const answer = await fetch(part.dataset.from);
        if (answer.ok) part.innerHTML = await answer.text();
      } catch {
        // The shop itself is away: what is shown stays, and the next look may succeed.
      }
    }
    window.setTimeout(look, 2000);
  };
  window.setTimeout(look, 2000);
}

const pay = document.getElementById("pay");
if (pay instanceof HTMLFormElement) startPaying(pay);
const live = document.getElementById("live");
if (live) keepFresh(live);
