// Typing help for recovery codes, on the page and before anything is sent. Without this file the server gives
// the same help after the form was sent.

const TYPING_PAUSE = 250;
const inputs = document.querySelectorAll("input[data-recovery-code]");

/**
 * Moves what stands behind the # of the address into the field: it came from the picture on a sheet. Since it
 * is the code itself, it leaves the address bar and the history at once.
 */
function takeScannedCode() {
  const scanned = location.hash.slice(1);
  // A link within the page, such as "skip to content", is none.
  if (scanned === "" || inputs.length === 0 || document.getElementById(scanned)) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  inputs[0].value = decoded(scanned);
  inputs[0].dispatchEvent(new Event("input", { bubbles: true }));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

takeScannedCode();
// A sheet may also be scanned, or its address pasted, while the page is already open.
addEventListener("hashchange", takeScannedCode);

// Only now: the code in the address waits for no other file.
const { read } = await import("./recovery-code.js");

/** The template with its {names} filled in. */
function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (name, key) => values[key] ?? name);
}

function counted(count, one, many) {
  return count === 1 ? one : fill(many, { count });
}

/** The group and the place in it, both from 1, of a position from 0 to 24. */
function pointAt(position) {
  return { group: Math.floor(position / 5) + 1, place: (position % 5) + 1 };
}

/** An impossible character as it can be seen: in quotes, and by number if it has no look of its own. */
function visible(character) {
  if (/^[\p{L}\p{N}\p{P}\p{S}]/u.test(character)) return `“\u2068${character}\u2069”`;
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The sentences about a reading. */
function sentences(reading, texts) {
  if (reading.result === "code") return [texts.ok];
  if (reading.result === "suggestion") return suggestionSentences(reading, texts);
  switch (reading.problem) {
    case "empty": return [counted(25, texts.tooShortOne, texts.tooShortMany)];
    case "tooShort": return [counted(reading.missing, texts.tooShortOne, texts.tooShortMany)];
    case "tooLong": return [counted(reading.extra, texts.tooLongOne, texts.tooLongMany)];
    case "impossibleCharacter":
      return [fill(texts.impossible, { ...reading, character: visible(reading.character) })];
    case "tooManyUnreadable": return [fill(texts.tooManyUnreadable, reading)];
    default: return [texts.severalMistakes];
  }
}

function suggestionSentences({ code, kind, positions, wrongPosition }, texts) {
  const filledIn = fill(texts.suggestionUnreadable, { suggestion: code });
  if (kind === "unreadableSymbols") return [filledIn];
  const symbol = code.replaceAll("-", "")[wrongPosition];
  const wrong = fill(texts.suggestionWrong, { ...pointAt(wrongPosition), suggestion: symbol });
  return positions.length > 1 ? [wrong, filledIn] : [wrong];
}

function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** The suggested code with its changed symbols marked, to be compared with the sheet. */
function markedCode({ code, positions }) {
  const symbols = Array.from(code.replaceAll("-", ""), (symbol, position) => {
    const shown = positions.includes(position) ? element("mark", "", symbol) : symbol;
    const endsGroup = position % 5 === 4 && position < 24;
    return endsGroup ? [shown, element("span", "dash", "-"), element("wbr", "")] : [shown];
  });
  const line = element("p", "code-text", ...symbols.flat());
  line.translate = false;
  return line;
}

function enhance(input) {
  const field = input.closest(".field") ?? input.parentElement;
  const help = field.querySelector("[data-code-help]");
  if (!help) return;
  const serverError = field.querySelector(".error");
  const texts = help.dataset;
  let pause = 0;
  /** What the help is about now, so that it is not read out again while nothing changes. */
  let shown = "";

  help.id ||= `${input.id}-help`;
  input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby") ?? ""} ${help.id}`.trim());

  function clear() {
    help.replaceChildren();
    shown = "";
    if (!serverError?.textContent) input.removeAttribute("aria-invalid");
  }

  function show(reading) {
    const content = sentences(reading, texts).map((sentence) => element("p", "", sentence));
    if (reading.result === "suggestion") content.push(markedCode(reading), applyButton(reading.code));
    help.replaceChildren(...content);
    shown = JSON.stringify(reading);
    // What the server said was about an older text.
    serverError?.replaceChildren();
    if (reading.result === "code") input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }

  function applyButton(code) {
    const button = element("button", "button second", texts.applyLabel);
    button.type = "button";
    button.addEventListener("click", () => {
      input.value = code;
      input.focus();
      check();
    });
    return button;
  }

  /** Says something unless the text is merely unfinished. */
  function check() {
    clearTimeout(pause);
    const reading = read(input.value);
    if (["empty", "tooShort"].includes(reading.problem)) clear();
    else if (JSON.stringify(reading) !== shown) show(reading);
  }

  function checkSoon(event) {
    clearTimeout(pause);
    if (!event.isComposing) pause = setTimeout(check, TYPING_PAUSE);
  }
  input.addEventListener("input", checkSoon);
  input.addEventListener("compositionend", checkSoon);

  input.form?.addEventListener("submit", (event) => {
    clearTimeout(pause);
    const reading = read(input.value);
    if (reading.result === "code") return;
    event.preventDefault();
    show(reading);
    input.focus();
  });

  // Scanned, or typed while this file was on its way. What the server has spoken about needs no second word.
  if (!input.hasAttribute("aria-invalid")) check();
}

for (const input of inputs) enhance(input);
