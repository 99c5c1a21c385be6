// Helps while a recovery code is typed (C7). Nothing typed leaves the page before the form is sent.
//
// <input data-recovery-code> is the field. The element [data-code-help] beside it, a live region, is where
// help appears; its other data attributes are the texts:
//
//   data-ok                      the code is complete and free of mistakes
//   data-empty                   nothing was typed; without it, all 25 symbols are missing (data-too-short-*)
//   data-too-short-*  data-too-long-*  data-too-many-unreadable     {count}
//   data-impossible              {character} {group} {place}
//   data-several-mistakes
//   data-suggestion-wrong        {group} {place} of the wrong symbol, {suggestion}: the right one
//   data-suggestion-unreadable   {count}, {suggestion}: the whole code
//   data-apply-label             the button that takes the suggestion
//
// A text with {count} may come in one form per plural category of the page's language (data-too-short-one,
// -two, -few, -other ...); -many or the name without an ending serves for all that are not there.

const PAUSE_IN_TYPING = 250;
const SYMBOLS = 25;

const fields = [...document.querySelectorAll("input[data-recovery-code]")];
const scanned = fields.filter(takeFragment);

// Loaded only now, so that the fragment does not wait for it.
const { read } = await import("./recovery-code.js");

for (const field of fields) {
  const help = helpBeside(field);
  if (help !== null) enhance(field, help);
}

/**
 * The sheet's QR code carries the code in the fragment, which is never sent to a server. It must not stay in
 * the address bar or in the history either. The page's own anchors are left alone.
 */
function takeFragment(field) {
  const fragment = location.hash.slice(1);
  if (fragment === "" || document.getElementById(fragment) !== null) return false;
  history.replaceState(history.state, "", location.pathname + location.search);
  field.value = decoded(fragment);
  return true;
}

function decoded(fragment) {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function helpBeside(field) {
  for (let around = field.parentElement; around !== null; around = around.parentElement) {
    const help = around.querySelector("[data-code-help]");
    if (help !== null) return help;
    if (around === field.form) return null;
  }
  return null;
}

function enhance(field, help) {
  let timer;
  let shown;
  const serverError = document.getElementById(`${field.id}-error`);
  help.id ||= `${field.id}-help`;
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${help.id}`.trim());

  const show = (reading) => {
    const nodes = explanation(reading, help, apply);
    // What was announced once should not be announced again at the next key.
    if (shown !== JSON.stringify(reading)) help.replaceChildren(...nodes);
    shown = JSON.stringify(reading);
    // What the server said was about an older text.
    if (nodes.length > 0) serverError?.replaceChildren();
    if (reading.result === "code" || nodes.length === 0) field.removeAttribute("aria-invalid");
    else field.setAttribute("aria-invalid", "true");
    return nodes.length > 0;
  };

  const showWhileTyping = () => {
    clearTimeout(timer);
    const reading = read(field.value);
    if (isUnfinished(reading)) clear();
    else show(reading);
  };

  const clear = () => {
    help.replaceChildren();
    shown = undefined;
    if (!serverError?.textContent) field.removeAttribute("aria-invalid");
  };

  const apply = (code) => {
    field.value = code;
    showWhileTyping();
    field.focus();
    // "Yes" means the same as without a script, unless another field is still empty.
    if (field.form?.checkValidity()) field.form.requestSubmit();
  };

  const showSoon = (event) => {
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(showWhileTyping, PAUSE_IN_TYPING);
  };
  field.addEventListener("input", showSoon);
  field.addEventListener("compositionend", showSoon);

  field.form?.addEventListener("submit", (event) => {
    if (event.submitter?.formNoValidate) return;
    clearTimeout(timer);
    const reading = read(field.value);
    if (reading.result === "code") return;
    // Without a text to say why, the server has to say it.
    if (!show(reading)) return;
    event.preventDefault();
    field.focus();
  });

  addEventListener("hashchange", () => {
    if (takeFragment(field)) showWhileTyping();
  });

  if (scanned.includes(field)) showWhileTyping();
}

function isUnfinished(reading) {
  return reading.problem === "empty" || reading.problem === "tooShort";
}

/** The nodes that say what a reading means; none if there is no text for it. */
function explanation(reading, help, apply) {
  const text = textFor(reading, help.dataset);
  if (text === undefined) return [];
  const nodes = [paragraph(filled(text, values(reading)))];
  if (reading.result !== "suggestion") return nodes;

  const button = document.createElement("button");
  button.type = "button";
  button.className = "button second";
  button.append(...(help.dataset.applyLabel ? [help.dataset.applyLabel] : [wholeCode(reading)]));
  button.addEventListener("click", () => apply(reading.code));
  // The sentence about a wrong symbol names that symbol only; the person is asked about the whole code.
  if (reading.kind === "wrongSymbol") nodes.push(paragraph([wholeCode(reading)]));
  return [...nodes, button];
}

function paragraph(content) {
  const element = document.createElement("p");
  element.append(...content);
  return element;
}

function textFor(reading, texts) {
  switch (reading.problem ?? reading.kind ?? reading.result) {
    case "code":
      return texts.ok;
    case "empty":
      return texts.empty ?? plural(texts, "tooShort", SYMBOLS);
    case "tooShort":
      return plural(texts, "tooShort", reading.missing);
    case "tooLong":
      return plural(texts, "tooLong", reading.extra);
    case "tooManyUnreadable":
      return plural(texts, "tooManyUnreadable", reading.count);
    case "impossibleCharacter":
      return texts.impossible;
    case "severalMistakes":
      return texts.severalMistakes;
    case "wrongSymbol":
      return plural(texts, "suggestionWrong", reading.positions.length);
    case "unreadableSymbols":
      return plural(texts, "suggestionUnreadable", reading.positions.length);
  }
}

function plural(texts, name, count) {
  const category = new Intl.PluralRules(document.documentElement.lang || "en").select(count);
  const ending = category[0].toUpperCase() + category.slice(1);
  return texts[name + ending] ?? texts[`${name}Other`] ?? texts[`${name}Many`] ?? texts[name];
}

/** What stands in a text's braces: strings, or nodes for what must keep its direction and look. */
function values(reading) {
  const position = reading.wrongPosition ?? reading.positions?.[0];
  return {
    group: () => String(reading.group ?? Math.floor(position / 5) + 1),
    place: () => String(reading.place ?? (position % 5) + 1),
    count: () =>
      String(reading.missing ?? reading.extra ?? reading.count ?? reading.positions?.length ?? SYMBOLS),
    character: () => isolated([visible(reading.character)]),
    suggestion: () =>
      reading.kind === "wrongSymbol"
        ? isolated([reading.code.replaceAll("-", "")[reading.wrongPosition]])
        : wholeCode(reading),
  };
}

function wholeCode(reading) {
  const element = isolated(marked(reading.code, reading.positions));
  element.className = "code-text";
  return element;
}

function filled(text, values) {
  return text
    .split(/(\{\w+\})/)
    .filter((part) => part !== "")
    .map((part) => values[part.match(/^\{(\w+)\}$/)?.[1]]?.() ?? part);
}

function isolated(children) {
  const element = document.createElement("bdi");
  element.dir = "ltr";
  element.translate = false;
  element.append(...children);
  return element;
}

/** The code with the symbols that were wrong or unreadable marked. */
function marked(code, positions) {
  return [...code].map((character, index) => {
    if (!positions.includes(index - Math.floor(index / 6)) || character === "-") return character;
    const mark = document.createElement("mark");
    mark.textContent = character;
    return mark;
  });
}

function visible(character) {
  if (/^\p{M}/u.test(character)) return `\u25CC${character}`;
  if (!/[\p{C}\p{Z}]/u.test(character)) return character;
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}
