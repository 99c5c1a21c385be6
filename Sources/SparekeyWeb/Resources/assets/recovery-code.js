// The recovery code format (docs/recovery-code-format.md) for the browser: reads what was typed and finds the
// mistake in it, without sending anything. Answers have the form of docs/recovery-code-vectors.json.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ALIASES = { I: "1", L: "1", O: "0" };
const SYMBOLS = 25;
const CHECKS = 4;
const GROUP = 5;
const CONSTANT = [25, 10, 15, 14];

// Dashes, white space and invisible characters, in this order.
const IGNORED = new RegExp(
  "[\\u002D\\u058A\\u05BE\\u1400\\u1806\\u2010-\\u2015\\u2043\\u2053\\u207B\\u208B\\u2212\\u2E17\\u2E1A" +
    "\\u2E3A-\\u2E3B\\u2E40\\u2E5D\\u301C\\u3030\\u30A0\\uFE31-\\uFE32\\uFE58\\uFE63\\uFF0D\\u{10D6E}" +
    "\\u{10EAD}" +
    "\\u0009-\\u000D\\u0020\\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028-\\u2029\\u202F\\u205F\\u3000" +
    "\\u00AD\\u034F\\u061C\\u115F-\\u1160\\u17B4-\\u17B5\\u180B-\\u180F\\u200B-\\u200F\\u202A-\\u202E" +
    "\\u2060-\\u206F\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF0-\\uFFF8\\u{1BCA0}-\\u{1BCA3}" +
    "\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}]",
  "u",
);
const COMBINING_MARK = /[\p{Mn}\p{Me}]/u;

// GF(32): addition is ^, a = 2 is primitive, multiplication is modulo x^5 + x^2 + 1.
const POWERS = [1];
while (POWERS.length < 31) {
  const next = POWERS[POWERS.length - 1] << 1;
  POWERS.push(next & 32 ? next ^ 0b100101 : next);
}
const exponent = (element) => POWERS.indexOf(element);
const multiply = (one, other) =>
  one === 0 || other === 0 ? 0 : POWERS[(exponent(one) + exponent(other)) % 31];
const divide = (one, other) => (one === 0 ? 0 : POWERS[(exponent(one) + 31 - exponent(other)) % 31]);

const locator = (position) => POWERS[SYMBOLS - 1 - position];

/**
 * Reads what a person typed. The answer is one of
 *   { result: "code", code }
 *   { result: "suggestion", code, kind, positions, wrongPosition? }, to be confirmed by the person
 *   { result: "problem", problem, missing? | extra? | count? | character?, group?, place? }
 */
export function read(text) {
  const symbols = [];
  const unreadable = [];
  let count = 0;
  let fullStop = null;
  let previousSymbol = null;

  for (const character of text) {
    const meaning = meaningOf(character);
    if (fullStop !== null && meaning !== "ignored" && meaning !== "full stop") {
      return impossible(fullStop, count);
    }
    if (meaning === "impossible") {
      return previousSymbol !== null && COMBINING_MARK.test(character)
        ? impossible(previousSymbol + character, count - 1)
        : impossible(character, count);
    }
    if (meaning === "full stop") {
      fullStop ??= character;
    } else if (meaning !== "ignored") {
      if (count < SYMBOLS) {
        if (meaning === "unreadable") unreadable.push(count);
        symbols.push(meaning === "unreadable" ? 0 : meaning);
      }
      count += 1;
    }
    previousSymbol = meaning === "ignored" || meaning === "full stop" ? null : character;
  }

  if (count === 0) return problem("empty");
  if (count < SYMBOLS) return problem("tooShort", { missing: SYMBOLS - count });
  if (count > SYMBOLS) return problem("tooLong", { extra: count - SYMBOLS });
  if (unreadable.length > CHECKS) return problem("tooManyUnreadable", { count: unreadable.length });
  return repair(symbols, unreadable);
}

/** A symbol's number, "unreadable", "full stop", "ignored" or "impossible". */
function meaningOf(character) {
  const codePoint = character.codePointAt(0);
  const isFullWidth = codePoint >= 0xff01 && codePoint <= 0xff5e;
  const narrow = isFullWidth ? String.fromCodePoint(codePoint - 0xfee0) : character;
  if (/^[0-9A-Za-z]$/.test(narrow)) {
    const upper = narrow.toUpperCase();
    const symbol = ALPHABET.indexOf(ALIASES[upper] ?? upper);
    return symbol < 0 ? "impossible" : symbol;
  }
  if (narrow === "?") return "unreadable";
  if (narrow === "." || narrow === "\u3002") return "full stop";
  return IGNORED.test(narrow) ? "ignored" : "impossible";
}

/** Decides on 25 symbols of which up to four, with any value, are unreadable. */
function repair(symbols, unreadable) {
  const all = syndromes(symbols);
  const rest = cancel(unreadable, all);
  let wrongPosition = null;
  if (rest.some((number) => number !== 0)) {
    wrongPosition = onlyPositionExplaining(rest);
    if (wrongPosition === null || unreadable.includes(wrongPosition)) return problem("severalMistakes");
  }

  const positions = wrongPosition === null ? unreadable : [...unreadable, wrongPosition];
  positions.sort((one, other) => one - other);
  const repaired = symbols.slice();
  for (const position of positions) {
    const others = positions.filter((other) => other !== position);
    const own = locator(position);
    const scale = others.reduce((product, other) => multiply(product, own ^ locator(other)), own);
    repaired[position] ^= divide(cancel(others, all)[0], scale);
  }

  const code = format(repaired);
  if (positions.length === 0) return { result: "code", code };
  if (wrongPosition === null) return { result: "suggestion", code, kind: "unreadableSymbols", positions };
  return { result: "suggestion", code, kind: "wrongSymbol", positions, wrongPosition };
}

/** The values at a^1...a^4 of the polynomial of the symbols less the constant: all 0 if they are valid. */
function syndromes(symbols) {
  const coefficients = symbols.map((symbol, position) =>
    position < SYMBOLS - CHECKS ? symbol : symbol ^ CONSTANT[position - SYMBOLS + CHECKS],
  );
  return [1, 2, 3, 4].map((root) =>
    coefficients.reduce((value, coefficient) => multiply(value, POWERS[root]) ^ coefficient, 0),
  );
}

/** Takes what errors at the positions contributed out of the syndromes, at the price of one number each. */
function cancel(positions, numbers) {
  return positions.reduce(
    (rest, position) =>
      rest.slice(1).map((next, index) => next ^ multiply(locator(position), rest[index])),
    numbers,
  );
}

/** One error leaves a geometric sequence whose ratio is its locator. */
function onlyPositionExplaining(numbers) {
  if (numbers.length < 2 || numbers.includes(0)) return null;
  const ratio = divide(numbers[1], numbers[0]);
  const isGeometric = numbers.slice(1).every((next, index) => next === multiply(ratio, numbers[index]));
  const position = SYMBOLS - 1 - exponent(ratio);
  return isGeometric && position >= 0 ? position : null;
}

function format(symbols) {
  const text = symbols.map((symbol) => ALPHABET[symbol]).join("");
  return text.match(/.{5}/g).join("-");
}

function impossible(character, position) {
  return problem("impossibleCharacter", {
    character,
    group: Math.floor(position / GROUP) + 1,
    place: (position % GROUP) + 1,
  });
}

function problem(name, details = {}) {
  return { result: "problem", problem: name, ...details };
}
