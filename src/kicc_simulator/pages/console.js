const REFRESH_MS = 2000;
const problem = document.getElementById("problem");
const live = document.getElementById("live");

const call = async (method, path, body) => {
  const answer = await fetch("/_simulator" + path, {
    method, body, headers: { "Content-Type": "application/json" },
  });
  const shown = answer.ok ? "" : (await answer.json()).error;
  problem.textContent = shown;
  problem.hidden = !shown;
  await refresh(true);
};

// What a person is typing, reading open or selecting is left alone until they are done.
const isBusy = () => live.querySelector("details[open]")
  || ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName)
  || !getSelection().isCollapsed;

const refresh = async (isForced) => {
  if (document.hidden || (!isForced && isBusy())) return;
  try {
    const page = new DOMParser().parseFromString(
      await (await fetch(location.href)).text(), "text/html");
    const focused = document.activeElement?.dataset?.post;
    live.replaceChildren(...page.getElementById("live").childNodes);
    if (focused) live.querySelector(`[data-post="${focused}"]`)?.focus();
    document.body.classList.remove("gone");
  } catch {
    document.body.classList.add("gone");
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post], button[data-delete]");
  if (!button || (button.dataset.sure && !confirm(button.dataset.sure))) return;
  const { post, body } = button.dataset;
  if (post !== undefined) call("POST", post, body ?? "{}");
  else call("DELETE", button.dataset.delete, "{}");
});

document.addEventListener("change", (event) => {
  const input = event.target.closest("[data-setting], [data-mall]");
  if (!input) return;
  const value = input.type === "checkbox" ? input.checked
    : input.type === "number" ? Number(input.value) : input.value;
  input.blur();
  if (input.dataset.setting) call("PUT", "/settings", JSON.stringify({ [input.dataset.setting]: value }));
  else call("PATCH", "/malls/" + input.dataset.mall, JSON.stringify({ [input.name]: value }));
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  document.activeElement?.blur();
  const body = Object.fromEntries(new FormData(form));
  if ("times" in body) body.times = Number(body.times);
  call("POST", form.dataset.post, JSON.stringify(body));
});

setInterval(refresh, REFRESH_MS);
