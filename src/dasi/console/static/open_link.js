// A one-time link holds its secret in the fragment, which browsers send to no server. Post it, and take it
// out of the address and the history.
"use strict";

const open = () => {
  const form = document.querySelector("[data-open-link]");
  const secret = window.location.hash.slice(1);
  if (!secret) return;
  window.history.replaceState(null, "", window.location.pathname);
  form.elements.link.value = secret;
  form.submit();
};

window.addEventListener("hashchange", open);
open();
