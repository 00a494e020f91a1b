// Ask the browser for a passkey. A form names the operation (`data-passkey`) and holds the options to
// sign (`data-options`); the script puts the answer into its field `answer`.
"use strict";

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const withBytes = (keys) => (keys ?? []).map((key) => ({ ...key, id: bytesOf(key.id) }));

const create = async (options) => {
  const key = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytesOf(options.challenge),
      user: { ...options.user, id: bytesOf(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
    },
  });
  return answer(key, {
    clientDataJSON: textOf(key.response.clientDataJSON),
    attestationObject: textOf(key.response.attestationObject),
  });
};

const get = async (options) => {
  const key = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytesOf(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    },
  });
  return answer(key, {
    clientDataJSON: textOf(key.response.clientDataJSON),
    authenticatorData: textOf(key.response.authenticatorData),
    signature: textOf(key.response.signature),
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
      const request = form.dataset.passkey === "create" ? create : get;
      form.elements.answer.value = await request(JSON.parse(form.dataset.options));
      form.submit();
    } catch (exception) {
      // Refused, closed, or registered already: the name of the exception tells which.
      error.hidden = false;
      error.dataset.reason = exception.name;
    }
  });
}
