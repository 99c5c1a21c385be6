#!/usr/bin/env python3
"""A second implementation of docs/recovery-code-format.md, written from that document.

Where the Swift library calculates, this one tries all candidates, and it also checks what the document
claims: that there is never more than one answer.

    recovery_code_reference.py vectors FILE
        Checks a file of test vectors.
    recovery_code_reference.py compare [--count N] [--seed S] -- COMMAND...
        Writes N random texts, one JSON string per line, to the command and compares the readings that it
        prints, one JSON object per line, with its own.
"""

import argparse
import functools
import itertools
import json
import random
import subprocess
import sys
import threading
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CONSTANT = "SAFE"
SYMBOLS = 25
CHECKS = 4

DASHES = """
    2D 58A 5BE 1400 1806 2010-2015 2043 2053 207B 208B 2212 2E17 2E1A 2E3A-2E3B 2E40 2E5D 301C 3030 30A0
    FE31-FE32 FE58 FE63 FF0D 10D6E 10EAD"""
WHITE_SPACE = "9-D 20 85 A0 1680 2000-200A 2028-2029 202F 205F 3000"
INVISIBLE = """
    AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0
    FFF0-FFF8 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"""


def code_points(ranges):
    for item in ranges.split():
        first, _, last = item.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


IGNORED = {chr(n) for n in code_points(DASHES + " " + WHITE_SPACE + " " + INVISIBLE)}


# --- The field and the checks -------------------------------------------------------------------------


def times(left, right):
    product = 0
    while right:
        if right & 1:
            product ^= left
        right >>= 1
        left <<= 1
        if left & 0b100000:
            left ^= 0b100101
    return product


def power(base, exponent):
    result = 1
    for _ in range(exponent):
        result = times(result, base)
    return result


def contribution(position, symbol):
    """What one symbol adds to the four syndromes, as one number of 20 bits."""
    packed = 0
    for root in range(1, CHECKS + 1):
        packed = packed << 5 | times(symbol, power(2, root * (SYMBOLS - 1 - position)))
    return packed


CONTRIBUTIONS = [[contribution(p, s) for s in range(32)] for p in range(SYMBOLS)]
TARGET = 0
for offset, letter in enumerate(CONSTANT):
    TARGET ^= CONTRIBUTIONS[SYMBOLS - CHECKS + offset][ALPHABET.index(letter)]


def missing_for_validity(symbols):
    """What has to be added to the syndromes of symbols (None counts as 0) to make a valid code: 0 if valid."""
    total = TARGET
    for position, symbol in enumerate(symbols):
        if symbol is not None:
            total ^= CONTRIBUTIONS[position][symbol]
    return total


@functools.cache
def sums(positions):
    """For every way to put symbols at up to two positions: what they add to the syndromes, and the symbols."""
    found = {}
    for symbols in itertools.product(range(32), repeat=len(positions)):
        packed = 0
        for position, symbol in zip(positions, symbols):
            packed ^= CONTRIBUTIONS[position][symbol]
        assert packed not in found
        found[packed] = symbols
    return found


def fillings(symbols, positions):
    """All ways to put symbols at up to four positions (None before) that make a valid code, by trying them."""
    needed = missing_for_validity(symbols)
    first, last = sums(tuple(positions[:2])), sums(tuple(positions[2:]))
    for packed, last_symbols in last.items():
        if needed ^ packed in first:
            filled = list(symbols)
            for position, symbol in zip(positions, first[needed ^ packed] + last_symbols):
                filled[position] = symbol
            yield filled


def only(candidates):
    candidates = list(candidates)
    assert len(candidates) <= 1, f"the document promises at most one answer, not {candidates}"
    return candidates[0] if candidates else None


def with_checks(random_symbols):
    """The code for 21 random symbols: the one way to fill the four positions of the checks."""
    assert len(random_symbols) == SYMBOLS - CHECKS
    return only(fillings([*random_symbols, None, None, None, None], range(SYMBOLS - CHECKS, SYMBOLS)))


def formatted(symbols):
    text = "".join(ALPHABET[symbol] for symbol in symbols)
    return "-".join(text[start : start + 5] for start in range(0, SYMBOLS, 5))


# --- Reading ------------------------------------------------------------------------------------------


def meaning(character):
    """A symbol as a number, or "?", ".", "ignored" or "impossible"."""
    if character in IGNORED:
        return "ignored"
    if 0xFF01 <= ord(character) <= 0xFF5E:
        character = chr(ord(character) - 0xFEE0)
    if character in "?.":
        return character
    if character == "\u3002":
        return "."
    if character.isascii():
        upper = {"I": "1", "L": "1", "O": "0"}.get(character.upper(), character.upper())
        if upper in ALPHABET:
            return ALPHABET.index(upper)
    return "impossible"


def impossible(character, before):
    return problem("impossibleCharacter", character=character, group=before // 5 + 1, place=before % 5 + 1)


def problem(name, **details):
    return {"result": "problem", "problem": name, **details}


def read(text):
    meanings = [meaning(character) for character in text]
    is_symbol = [m == "?" or isinstance(m, int) for m in meanings]
    # Only full stops and ignored code points from here on.
    end = len(text)
    while end > 0 and meanings[end - 1] in ("ignored", "."):
        end -= 1

    for index, character in enumerate(text[:end]):
        before = sum(is_symbol[:index])
        if meanings[index] == ".":
            return impossible(character, before)
        if meanings[index] == "impossible":
            if unicodedata.category(character) in ("Mn", "Me") and index > 0 and is_symbol[index - 1]:
                return impossible(text[index - 1] + character, before - 1)
            return impossible(character, before)

    symbols = [m for m, counts in zip(meanings, is_symbol) if counts]
    unreadable = [position for position, symbol in enumerate(symbols) if symbol == "?"]
    if not symbols:
        return problem("empty")
    if len(symbols) < SYMBOLS:
        return problem("tooShort", missing=SYMBOLS - len(symbols))
    if len(symbols) > SYMBOLS:
        return problem("tooLong", extra=len(symbols) - SYMBOLS)
    if len(unreadable) > CHECKS:
        return problem("tooManyUnreadable", count=len(unreadable))
    return decide([None if symbol == "?" else symbol for symbol in symbols], unreadable)


def decide(symbols, unreadable):
    if not unreadable and missing_for_validity(symbols) == 0:
        return {"result": "code", "code": formatted(symbols)}
    if unreadable:
        repaired = only(fillings(symbols, unreadable))
        if repaired:
            return suggestion("unreadableSymbols", repaired, unreadable)
    if len(unreadable) <= 2:
        found = only(
            (repaired, position)
            for position in range(SYMBOLS)
            if position not in unreadable
            for repaired in fillings(
                [None if p == position else s for p, s in enumerate(symbols)], sorted([*unreadable, position])
            )
        )
        if found:
            repaired, position = found
            assert repaired[position] != symbols[position]
            positions = sorted([*unreadable, position])
            return {**suggestion("wrongSymbol", repaired, positions), "wrongPosition": position}
    return problem("severalMistakes")


def suggestion(kind, symbols, positions):
    return {"result": "suggestion", "code": formatted(symbols), "kind": kind, "positions": list(positions)}


# --- Random texts -------------------------------------------------------------------------------------

ODD_CHARACTERS = "UuUu*#_/,;АОСΑΟ١²Ⓐ𝐀ÁáÅ漢👍\x00\x1f\x7f\u2800\ufffc\ufffdー｡＊～Ｕ"
IGNORED_CHARACTERS = sorted(IGNORED)
MARKS = "\u0301\u0308\u20dd\u20e3\u05bf\u0903\u102b\ufe20"


def random_text(rng):
    kind = rng.random()
    if kind < 0.04:
        return "".join(random_character(rng) for _ in range(rng.randrange(40)))
    symbols = with_checks([rng.randrange(32) for _ in range(SYMBOLS - CHECKS)])
    characters = list(formatted(symbols).replace("-", ""))
    if kind < 0.10:
        characters = rng.choices(ALPHABET, k=rng.choice([25, 25, 25, 24, 26, rng.randrange(60)]))
    elif kind < 0.16:
        rearrange(rng, characters)
    wrong = rng.choice([0, 0, 0, 1, 1, 1, 2, 3, 4, 5])
    unreadable = rng.choice([0, 0, 0, 1, 2, 2, 3, 4, 5, 9])
    for position in rng.sample(range(len(characters)), min(wrong, len(characters))):
        characters[position] = rng.choice(ALPHABET)
    for position in rng.sample(range(len(characters)), min(unreadable, len(characters))):
        characters[position] = "?"
    return decorated(rng, characters)


def rearrange(rng, characters):
    how = rng.randrange(5)
    at = rng.randrange(24)
    if how == 0:
        characters[at], characters[at + 1] = characters[at + 1], characters[at]
    elif how == 1:
        groups = [characters[start : start + 5] for start in range(0, 25, 5)]
        rng.shuffle(groups)
        characters[:] = itertools.chain.from_iterable(groups)
    elif how == 2:
        del characters[at]
    elif how == 3:
        characters.insert(at, rng.choice(ALPHABET))
    else:
        characters[:] = characters[at:] + characters[:at]


def decorated(rng, characters):
    style = rng.random()
    if style < 0.3:
        characters = [c.lower() for c in characters]
    elif style < 0.4:
        characters = [rng.choice([c, c.lower(), chr(ord(c) + 0xFEE0)]) for c in characters]
    if style < 0.5:
        aliases = {"1": "1IiLl", "0": "0Oo"}
        characters = [rng.choice(aliases.get(c, c)) for c in characters]
    separator = rng.choice(["-", " ", "", rng.choice(IGNORED_CHARACTERS)])
    text = separator.join("".join(characters[start : start + 5]) for start in range(0, len(characters), 5))
    for _ in range(rng.choice([0, 0, 0, 0, 1, 2, 5])):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(IGNORED_CHARACTERS) + text[at:]
    if rng.random() < 0.15:
        at = rng.randrange(len(text) + 1)
        odd = rng.choice([rng.choice(ODD_CHARACTERS), rng.choice(MARKS), random_character(rng)])
        text = text[:at] + odd + text[at:]
    if rng.random() < 0.15:
        at = rng.choice([0, len(text), len(text), len(text), rng.randrange(len(text) + 1)])
        text = text[:at] + rng.choice([".", "。", "．", "...", ". \n"]) + text[at:]
    return text


def random_character(rng):
    while True:
        character = chr(rng.choice([rng.randrange(0x100), rng.randrange(0x10000), rng.randrange(0x20000)]))
        # What is not assigned yet may get a category in a later version of Unicode.
        if unicodedata.category(character) not in ("Cs", "Cn"):
            return character


# --- The command line ---------------------------------------------------------------------------------


def check_vectors(path):
    with open(path, encoding="ascii") as file:
        vectors = json.load(file)
    wrong = 0
    for vector in vectors["codes"]:
        symbols = with_checks(vector["randomSymbols"])
        if symbols[-CHECKS:] != vector["checkSymbols"] or formatted(symbols) != vector["code"]:
            wrong += 1
            print(f"code {vector['code']}: should be {formatted(symbols)}")
    for vector in vectors["readings"]:
        own = read(vector["text"])
        if own != vector["reading"]:
            wrong += 1
            print(f"{vector['rule']}: {ascii(vector['text'])}\n  file {vector['reading']}\n  here {own}")
    print(f"{len(vectors['codes'])} codes, {len(vectors['readings'])} readings, {wrong} wrong")
    return wrong == 0


def compare(command, count, seed):
    rng = random.Random(seed)
    texts = [random_text(rng) for _ in range(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:

        def write():
            try:
                with process.stdin as stream:
                    stream.writelines(json.dumps(text) + "\n" for text in texts)
            except BrokenPipeError:
                pass  # The missing answers are reported below.

        writer = threading.Thread(target=write)
        writer.start()
        answers = [json.loads(line) for line in process.stdout]
        writer.join()
    wrong = 0
    seen = {}
    for text, answer in zip(texts, answers):
        own = read(text)
        outcome = own.get("kind") or own.get("problem") or own["result"]
        seen[outcome] = seen.get(outcome, 0) + 1
        if own != answer:
            wrong += 1
            print(f"{ascii(text)}\n  there {answer}\n  here  {own}")
    print(f"{len(answers)} of {count} texts answered (seed {seed}), {wrong} differently; {seen}")
    return wrong == 0 and len(answers) == count and process.returncode == 0


def main():
    parser = argparse.ArgumentParser(description="A second implementation of docs/recovery-code-format.md.")
    commands = parser.add_subparsers(dest="command", required=True)
    vectors = commands.add_parser("vectors", help="check a file of test vectors")
    vectors.add_argument("file")
    comparison = commands.add_parser("compare", help="compare with another program on random texts")
    comparison.add_argument("--count", type=int, default=2000)
    comparison.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    comparison.add_argument("program", nargs="+", metavar="-- COMMAND")
    options = parser.parse_args()
    if options.command == "vectors":
        succeeded = check_vectors(options.file)
    else:
        succeeded = compare(options.program, options.count, options.seed)
    sys.exit(0 if succeeded else 1)


if __name__ == "__main__":
    main()
