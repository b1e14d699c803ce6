// <form data-passkey="create|get" data-options="id|" data-cancelled="…" data-failed="…">: asks the
// browser for a passkey and sends its answer in the field `credential`. The options stand in the
// page (#id, JSON), or come from the form's own address.
export function startPasskeys() {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
}

async function ask(form) {
  const button = form.querySelector("button");
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  tell(form, "");
  try {
    const options = await optionsFor(form);
    const credential = await (form.dataset.passkey === "create" ? create(form, options) : get(options));
    form.elements.credential.value = JSON.stringify(written(credential));
    form.submit();
  } catch (error) {
    button.removeAttribute("aria-busy");
    const given = error.name === "NotAllowedError" || error.name === "AbortError";
    tell(form, given ? form.dataset.cancelled : form.dataset.failed);
  }
}

function tell(form, text) {
  const place = form.querySelector("[data-passkey-trouble]");
  place.textContent = text;
  place.hidden = !text;
}

async function optionsFor(form) {
  const place = document.getElementById(form.dataset.options);
  if (place) return JSON.parse(place.textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).request_options;
}

function create(form, { publicKey }) {
  const alone = form.elements.passwordless?.checked;
  const selection = { ...publicKey.authenticatorSelection };
  if (alone !== undefined) {
    selection.residentKey = alone ? "required" : "discouraged";
    selection.requireResidentKey = alone;
    if (alone) selection.userVerification = "required";
  }
  return navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: (publicKey.excludeCredentials ?? []).map(read),
      authenticatorSelection: selection,
    },
  });
}

function get({ publicKey }) {
  return navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: (publicKey.allowCredentials ?? []).map(read),
    },
  });
}

function read(descriptor) {
  return { ...descriptor, id: bytes(descriptor.id) };
}

function written(credential) {
  const { response } = credential;
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const sent = names.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(sent),
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function bytes(base64url) {
  const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
