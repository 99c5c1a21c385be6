// Comfort around password fields: show and hide, a meter, taking over the suggested passphrase.
// Without this file the fields work just the same; its buttons stay hidden.

/** What length and repetition alone can tell: 0 (too short) to 4. The server knows the lists of bad passwords. */
export function estimate(password, minimum) {
  const symbols = Array.from(password.normalize("NFC"));
  const missing = Math.max(0, minimum - symbols.length);
  if (missing > 0) return { level: 0, missing };
  const surprising = countSurprising(symbols);
  if (surprising < minimum / 2) return { level: 1, missing };
  if (surprising < minimum) return { level: 2, missing };
  return { level: surprising < minimum + 6 ? 3 : 4, missing };
}

/** Symbols that do not merely repeat, continue a run such as "abc" or "321", or copy what stands before them. */
function countSurprising(symbols) {
  const text = symbols.join("").toLowerCase();
  const points = Array.from(text, (symbol) => symbol.codePointAt(0));
  let surprising = 0;
  for (let i = 0; i < points.length; i += 1) {
    const stepNow = points[i] - points[i - 1];
    const inRun = i > 1 && Math.abs(stepNow) <= 1 && stepNow === points[i - 1] - points[i - 2];
    const lastThree = String.fromCodePoint(...points.slice(Math.max(0, i - 2), i + 1));
    const before = String.fromCodePoint(...points.slice(0, i));
    const copied = i > 2 && before.includes(lastThree);
    if (!inRun && !copied && points[i] !== points[i - 1]) surprising += 1;
  }
  return surprising;
}

function enableReveal(button, input) {
  const { show, hide, showLabel, hideLabel } = button.dataset;
  const set = (visible) => {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? hide : show;
    button.setAttribute("aria-label", visible ? hideLabel : showLabel);
  };
  button.addEventListener("click", () => set(input.type === "password"));
  // A visible password must not end up in the browser's memory of form entries.
  input.form?.addEventListener("submit", () => set(false));
  input.spellcheck = false;
  input.autocapitalize = "none";
  set(false);
  button.hidden = false;
  return set;
}

function enableMeter(box, input) {
  const meter = box.querySelector("meter");
  const [words, status] = box.querySelectorAll("p");
  const texts = box.dataset;
  const minimum = Number(texts.minimum);
  let pause;
  const update = () => {
    box.hidden = input.value === "";
    const { level, missing } = estimate(input.value, minimum);
    meter.value = level === 0 ? Math.min(0.9, input.value.length / minimum) : level;
    const short = missing === 1 ? texts.tooShortOne : texts.tooShortMany.replace("{count}", missing);
    words.textContent = [short, texts.repetitive, texts.fair, texts.good, texts.strong][level];
    meter.dataset.level = level;
    // Read out when the typing pauses, not at every key.
    clearTimeout(pause);
    pause = setTimeout(() => { status.textContent = words.textContent; }, 1000);
  };
  input.addEventListener("input", update);
  update();
}

function enableSuggestion(box, input, reveal) {
  const button = box.querySelector("button");
  const status = box.querySelector("[role=status]");
  button.addEventListener("click", () => {
    input.value = box.querySelector("code").textContent;
    reveal(true);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    status.textContent = button.dataset.used;
    input.focus();
  });
  button.hidden = false;
}

for (const field of document.querySelectorAll("[data-password]")) {
  const input = field.querySelector("input");
  const reveal = enableReveal(field.querySelector("[data-reveal]"), input);
  const strength = field.querySelector("[data-strength]");
  const suggestion = field.querySelector("[data-suggestion]");
  if (strength) enableMeter(strength, input);
  if (suggestion) enableSuggestion(suggestion, input, reveal);
}
