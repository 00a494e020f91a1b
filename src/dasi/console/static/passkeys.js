// What only a script can do: ask the browser for a passkey. A form says what for (`data-passkey`)
// and carries what to sign (`data-options`); the answer goes back in its field `answer`.
"use strict";

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const known = (list) => (list ?? []).map((one) => ({ ...one, id: bytesOf(one.id) }));

const create = async (told) => {
  const made = await navigator.credentials.create({
    publicKey: {
      ...told,
      challenge: bytesOf(told.challenge),
      user: { ...told.user, id: bytesOf(told.user.id) },
      excludeCredentials: known(told.excludeCredentials),
    },
  });
  return answer(made, {
    clientDataJSON: textOf(made.response.clientDataJSON),
    attestationObject: textOf(made.response.attestationObject),
  });
};

const get = async (told) => {
  const given = await navigator.credentials.get({
    publicKey: {
      ...told,
      challenge: bytesOf(told.challenge),
      allowCredentials: known(told.allowCredentials),
    },
  });
  return answer(given, {
    clientDataJSON: textOf(given.response.clientDataJSON),
    authenticatorData: textOf(given.response.authenticatorData),
    signature: textOf(given.response.signature),
  });
};

const answer = (key, response) =>
  JSON.stringify({ id: key.id, rawId: textOf(key.rawId), type: key.type, response });

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const error = form.querySelector("[data-error]");
  form.querySelector("button").disabled = !window.PublicKeyCredential;
  if (!window.PublicKeyCredential) error.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    try {
      const ask = form.dataset.passkey === "create" ? create : get;
      form.elements.answer.value = await ask(JSON.parse(form.dataset.options));
      form.submit();
    } catch (why) {
      // Refused, closed, or the device is known already: the browser has said which.
      error.hidden = false;
      error.dataset.why = why.name;
    }
  });
}
