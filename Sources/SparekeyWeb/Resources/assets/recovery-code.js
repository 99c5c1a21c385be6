// Reads recovery codes as docs/recovery-code-format.md describes it: the browser's copy of the Swift library
// RecoveryCode. It runs on the page alone, so that a typing mistake is found before anything is sent.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 25;
const GROUP = 5;
const CHECKS = 4;
/** SAFE: what is added to the four check symbols. */
const CONSTANT = [25, 10, 15, 14];

/** The symbol of each ASCII character that stands for one, in upper case. */
const SYMBOLS = new Map([
  ...Array.from(ALPHABET, (character, symbol) => [character, symbol]), ["I", 1], ["L", 1], ["O", 0],
]);

/** Code points that are as if they were not there, those of Unicode 16, whatever the browser knows. */
const IGNORED = [
  // Dashes
  "2D 58A 5BE 1400 1806 2010-2015 2043 2053 207B 208B 2212 2E17 2E1A 2E3A-2E3B 2E40 2E5D 301C 3030 30A0",
  "FE31-FE32 FE58 FE63 10D6E 10EAD",
  // White space
  "9-D 20 85 A0 1680 2000-200A 2028-2029 202F 205F 3000",
  // Invisible characters
  "AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0",
  "FFF0-FFF8 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF",
].flatMap((line) => line.split(" ").map((range) => {
  const [first, last = first] = range.split("-");
  return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
}));

// --- The field GF(32), modulo x^5 + x^2 + 1 ---

/** The powers of a = 2. Addition and subtraction are exclusive or. */
const POWERS = [1];
while (POWERS.length < 31) {
  const doubled = POWERS[POWERS.length - 1] << 1;
  POWERS.push(doubled & 32 ? doubled ^ 0b100101 : doubled);
}
const logarithm = (number) => POWERS.indexOf(number);

function times(left, right) {
  return left && right ? POWERS[(logarithm(left) + logarithm(right)) % 31] : 0;
}

function over(left, right) {
  return left ? POWERS[(logarithm(left) - logarithm(right) + 31) % 31] : 0;
}

const locatorOf = (position) => POWERS[LENGTH - 1 - position];

/** Four zeros if the symbols are a valid code. */
function syndromesOf(symbols) {
  const coefficients = symbols.map((symbol, position) => symbol ^ (CONSTANT[position - LENGTH + CHECKS] ?? 0));
  return [1, 2, 3, 4].map((root) => coefficients.reduce((sum, next) => times(sum, POWERS[root]) ^ next, 0));
}

// --- Repair ---

/** Takes what errors at these positions contributed out of the syndromes; each position costs one of them. */
function cancel(positions, syndromes) {
  return positions.map(locatorOf).reduce(
    (rest, locator) => rest.slice(1).map((next, index) => next ^ times(locator, rest[index])), syndromes);
}

/** The position of the one error that explains these numbers, a geometric sequence; otherwise -1. */
function onlyPosition(numbers) {
  if (numbers.length < 2 || numbers[0] === 0) return -1;
  const ratio = over(numbers[1], numbers[0]);
  const isGeometric = numbers.slice(1).every((next, index) => next === times(ratio, numbers[index]));
  return isGeometric && ratio ? LENGTH - 1 - logarithm(ratio) : -1;
}

/** The difference between the right symbol and the typed one, once all positions in question are known. */
function errorAt(position, positions, syndromes) {
  const others = positions.filter((other) => other !== position);
  const locator = locatorOf(position);
  const scale = others.reduce((product, other) => times(product, locator ^ locatorOf(other)), locator);
  return over(cancel(others, syndromes)[0], scale);
}

/** `symbols` has zeros at the `unreadable` positions. */
function repaired(symbols, unreadable) {
  const syndromes = syndromesOf(symbols);
  const rest = cancel(unreadable, syndromes);
  const wrong = rest.some((number) => number !== 0) ? onlyPosition(rest) : null;
  if (wrong !== null && (wrong < 0 || unreadable.includes(wrong))) return problem("severalMistakes");

  const positions = wrong === null ? unreadable : [...unreadable, wrong].sort((one, other) => one - other);
  const right = symbols.map(
    (symbol, position) => positions.includes(position) ? symbol ^ errorAt(position, positions, syndromes) : symbol);
  const code = formatted(right);
  if (positions.length === 0) return { result: "code", code };
  if (wrong === null) return { result: "suggestion", code, kind: "unreadableSymbols", positions };
  return { result: "suggestion", code, kind: "wrongSymbol", positions, wrongPosition: wrong };
}

function formatted(symbols) {
  return symbols.map((symbol) => ALPHABET[symbol]).join("").match(/.{5}/g).join("-");
}

// --- Reading ---

const UNREADABLE = "?";
const FULL_STOP = ".";
const IS_IGNORED = "ignored";
const IMPOSSIBLE = "impossible";

/** What one typed code point means: a symbol's number, or one of the four words above. */
function meaningOf(character) {
  const typed = character.codePointAt(0);
  // The full-width forms are ASCII in another width.
  const point = typed >= 0xff01 && typed <= 0xff5e ? typed - 0xfee0 : typed;
  const ascii = point < 128 ? String.fromCharCode(point).toUpperCase() : "";
  if (SYMBOLS.has(ascii)) return SYMBOLS.get(ascii);
  if (ascii === "?") return UNREADABLE;
  if (ascii === "." || point === 0x3002) return FULL_STOP;
  return IGNORED.some(([first, last]) => first <= point && point <= last) ? IS_IGNORED : IMPOSSIBLE;
}

function problem(name, details = {}) {
  return { result: "problem", problem: name, ...details };
}

function impossible(character, position) {
  const details = { character, group: Math.floor(position / GROUP) + 1, place: (position % GROUP) + 1 };
  return problem("impossibleCharacter", details);
}

/**
 * Reads what a person typed, pasted or scanned. The result has the form of the published test vectors:
 * `result` is "code", "suggestion" or "problem". A suggestion must never be applied without asking.
 */
export function read(text) {
  const symbols = [];
  const unreadable = [];
  let count = 0;
  let fullStop = null;
  let previousSymbol = null;

  for (const character of text) {
    const meaning = meaningOf(character);
    if (fullStop && meaning !== IS_IGNORED && meaning !== FULL_STOP) return impossible(fullStop, count);
    if (meaning === IS_IGNORED) {
      previousSymbol = null;
    } else if (meaning === FULL_STOP) {
      fullStop ??= character;
    } else if (meaning === IMPOSSIBLE) {
      // A combining mark spoils the symbol that it sits on: both are reported as one character.
      const isOnSymbol = previousSymbol && /^[\p{Mn}\p{Me}]$/u.test(character);
      return isOnSymbol ? impossible(previousSymbol + character, count - 1) : impossible(character, count);
    } else {
      if (count < LENGTH) {
        if (meaning === UNREADABLE) unreadable.push(count);
        symbols.push(meaning === UNREADABLE ? 0 : meaning);
      }
      count += 1;
      previousSymbol = character;
    }
  }

  if (count === 0) return problem("empty");
  if (count < LENGTH) return problem("tooShort", { missing: LENGTH - count });
  if (count > LENGTH) return problem("tooLong", { extra: count - LENGTH });
  if (unreadable.length > CHECKS) return problem("tooManyUnreadable", { count: unreadable.length });
  return repaired(symbols, unreadable);
}
