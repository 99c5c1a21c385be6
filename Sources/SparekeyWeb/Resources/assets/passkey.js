// Making and using passkeys (S4): asks the browser, puts its answer into the form and sends it.
//
// <form data-passkey="create" data-options="…"> makes one, data-passkey="get" uses one. data-options holds the
// question as the server made it (JSON); <input type="hidden" name="credential"> takes the answer (JSON). A button
// with formnovalidate sends the form without asking. The element [data-passkey-message] in the form, with
// role="status", is where it is said when nothing came of it; its data attributes are the texts:
//
//   data-cancelled     the person (or the time limit) ended it; browsers don't say which, nor why
//   data-failed        anything else; also used where another text is missing
//   data-exists        this authenticator has a passkey of this account already ("create")
//   data-unsupported   this browser has no passkeys; shown at once, and the form cannot be sent
//
// With data-conditional, a form with "get" also offers passkeys in the autofill of a field that has
// autocomplete="username webauthn".

const isSupported = typeof PublicKeyCredential === "function" && navigator.credentials !== undefined;

for (const form of document.querySelectorAll("form[data-passkey]")) enhance(form);

function enhance(form) {
  const answer = form.elements.namedItem("credential");
  const message = form.querySelector("[data-passkey-message]");
  const tell = (reason) => {
    if (message !== null) message.textContent = message.dataset[reason] ?? message.dataset.failed ?? "";
  };
  let pending = null;

  /** Asks the browser and sends the form. Only the newest question counts; it ends the one before. */
  const ask = async (submitter, mediation) => {
    pending?.abort();
    const question = new AbortController();
    pending = question;
    try {
      const credential = await credentialFor(form, { signal: question.signal, ...mediation });
      if (pending !== question) return;
      answer.value = JSON.stringify(credential);
      form.requestSubmit(submitter);
    } catch (error) {
      if (pending === question && mediation === undefined) tell(reasonFor(error));
    } finally {
      if (pending === question) pending = null;
    }
  };

  form.addEventListener("submit", (event) => {
    if (answer.value !== "" || event.submitter?.formNoValidate) return;
    event.preventDefault();
    if (!isSupported) return tell("unsupported");
    message?.replaceChildren();
    ask(event.submitter);
  });

  // An answer is good once: a page that comes back, also from the browser's memory, has to ask again.
  answer.value = "";
  addEventListener("pageshow", () => (answer.value = ""));

  if (!isSupported) tell("unsupported");
  else if ("conditional" in form.dataset) offerInAutofill(() => ask(undefined, { mediation: "conditional" }));
}

async function offerInAutofill(ask) {
  if (await PublicKeyCredential.isConditionalMediationAvailable?.()) ask();
}

async function credentialFor(form, settings) {
  const options = JSON.parse(form.dataset.options);
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? creationOptions(options);
    return asJSON(await navigator.credentials.create({ publicKey, ...settings }));
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? requestOptions(options);
  return asJSON(await navigator.credentials.get({ publicKey, ...settings }));
}

function reasonFor(error) {
  if (error.name === "NotAllowedError" || error.name === "AbortError") return "cancelled";
  return error.name === "InvalidStateError" ? "exists" : "failed";
}

// For browsers that cannot convert by themselves (WebAuthn Level 3, section 5.1).

function creationOptions(options) {
  return {
    ...options,
    challenge: bytesOf(options.challenge),
    user: { ...options.user, id: bytesOf(options.user.id) },
    excludeCredentials: options.excludeCredentials?.map(descriptor),
  };
}

function requestOptions(options) {
  return {
    ...options,
    challenge: bytesOf(options.challenge),
    allowCredentials: options.allowCredentials?.map(descriptor),
  };
}

function descriptor(credential) {
  return { ...credential, id: bytesOf(credential.id) };
}

function asJSON(credential) {
  try {
    return credential.toJSON();
  } catch {
    // It is missing, or a password manager's own credential does not have it.
    return convertedByHand(credential);
  }
}

function convertedByHand({ id, rawId, type, response, authenticatorAttachment }) {
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const present = parts.filter((part) => response[part] instanceof ArrayBuffer);
  return {
    id,
    rawId: textOf(rawId),
    type,
    authenticatorAttachment,
    clientExtensionResults: {},
    response: {
      ...Object.fromEntries(present.map((part) => [part, textOf(response[part])])),
      transports: response.getTransports?.(),
    },
  };
}

function bytesOf(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function textOf(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
