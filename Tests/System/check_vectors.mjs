// Checks the browser's implementation of the recovery code format, from the project's root:
//
//     node Tests/System/check_vectors.mjs
//         against docs/recovery-code-vectors.json
//     node Tests/System/check_vectors.mjs read
//         reads one JSON string per line and prints one JSON object per line, as `sparekey recovery-code read`
//         does, for recovery_code_reference.py compare

import { isDeepStrictEqual } from "node:util";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const root = new URL("../../", import.meta.url);

// The project's root has no package.json that would call its .js files modules; the browser does not ask.
const source = await readFile(new URL("Sources/SparekeyWeb/Resources/assets/recovery-code.js", root), "utf8");
const { read } = await import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);

async function checkVectors() {
  const vectors = JSON.parse(await readFile(new URL("docs/recovery-code-vectors.json", root), "utf8"));
  const expected = [
    ...vectors.codes.map(({ code }) => ({ rule: "code", text: code, reading: { result: "code", code } })),
    ...vectors.readings,
  ];
  const wrong = expected.filter(({ text, reading }) => !isDeepStrictEqual(read(text), reading));
  for (const { rule, text, reading } of wrong) {
    console.error(`${rule}: ${JSON.stringify(text)}`);
    console.error(`  file ${JSON.stringify(reading)}\n  here ${JSON.stringify(read(text))}`);
  }
  console.log(`${vectors.codes.length} codes, ${vectors.readings.length} readings, ${wrong.length} wrong`);
  process.exitCode = wrong.length === 0 && expected.length >= 100 ? 0 : 1;
}

async function readLines() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(read(JSON.parse(line)))}\n`);
  }
}

await (process.argv[2] === "read" ? readLines() : checkVectors());
