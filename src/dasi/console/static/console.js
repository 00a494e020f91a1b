// What scripts add to the console: copying with one click, the menu's place on a phone,
// what stays open. All works without.
"use strict";

const copied = async (button, text) => {
  await navigator.clipboard.writeText(text);
  button.classList.add("copied");
};

for (const button of document.querySelectorAll("[data-copy], [data-copy-from]")) {
  button.hidden = false;
  button.addEventListener("click", () =>
    copied(button, button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent),
  );
}

// On a phone the menu is one line to push sideways: begin where we are.
document.querySelector(".side [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// A page that renews itself takes nothing from its reader: what was opened stays open. (The focus stays
// by itself where it has an id.)
let opened = [];
document.addEventListener("htmx:beforeSwap", () => {
  opened = Array.from(document.querySelectorAll("#live details[open]"), (one) => one.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
});
