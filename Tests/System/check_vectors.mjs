// Checks the browser's implementation of the recovery code format against the published vectors:
//   node Tests/System/check_vectors.mjs
// or lends it to the comparison with the reference implementation:
//   Tests/System/recovery_code_reference.py compare -- node Tests/System/check_vectors.mjs read

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const root = new URL("../../", import.meta.url);
// The asset is loaded by its text, since this project tells node nothing about module types.
const source = readFileSync(new URL("Sources/SparekeyWeb/Resources/assets/recovery-code.js", root), "utf8");
const { read } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

if (process.argv[2] === "read") {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(read(JSON.parse(line))));
  }
} else {
  process.exitCode = checkVectors() === 0 ? 0 : 1;
}

function checkVectors() {
  const path = new URL("docs/recovery-code-vectors.json", root);
  const vectors = JSON.parse(readFileSync(path, "utf8"));
  let wrong = 0;

  const check = (name, text, expected) => {
    try {
      assert.deepEqual(read(text), expected);
    } catch (error) {
      wrong += 1;
      console.error(`${name}: ${JSON.stringify(text)}\n${error.message}\n`);
    }
  };

  for (const { randomSymbols, code } of vectors.codes) {
    const random = code.replaceAll("-", "").slice(0, randomSymbols.length);
    // The module makes no codes: that it fills in the checks shows the same arithmetic.
    const positions = [21, 22, 23, 24];
    check("code", code, { result: "code", code });
    check("checks", `${random}????`, { result: "suggestion", code, kind: "unreadableSymbols", positions });
  }
  for (const { rule, text, reading } of vectors.readings) check(rule, text, reading);

  // A browser's strings may hold half a character; nothing else can.
  const half = { result: "problem", problem: "impossibleCharacter", character: "\ud83d", group: 1, place: 2 };
  check("half a character", "0\ud83d0", half);

  console.log(`${vectors.codes.length} codes, ${vectors.readings.length} readings, ${wrong} wrong`);
  return wrong;
}
