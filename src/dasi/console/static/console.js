// Scripts of the console: copy buttons, the scroll position of the menu on a phone, open details on
// a page that renews itself. Every page works without them.
"use strict";

const copy = async (button, text) => {
  await navigator.clipboard.writeText(text);
  button.classList.add("copied");
};

for (const button of document.querySelectorAll("[data-copy], [data-copy-from]")) {
  button.hidden = false;
  button.addEventListener("click", () =>
    copy(button, button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent),
  );
}

// On a phone the menu is one line that scrolls sideways: show the current page's entry.
document.querySelector(".side [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// Details stay open when a page renews itself. The focus stays without a script if its element has an id.
let openIds = [];
document.addEventListener("htmx:beforeSwap", () => {
  openIds = Array.from(document.querySelectorAll("#live details[open]"), (details) => details.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of openIds) document.getElementById(id)?.setAttribute("open", "");
});

// A form that does something which cannot be undone is sent once. The gateway refuses the second post
// too. A page that the browser kept for its back button can be sent again.
for (const form of document.querySelectorAll("form[data-once]")) {
  const button = form.querySelector("button");
  form.addEventListener("submit", () => setTimeout(() => (button.disabled = true)));
  window.addEventListener("pageshow", () => (button.disabled = false));
}
