/** The lists of commands that stand beside each other: in the launcher, and in the help of the command line. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { PROGRAM_NOTES } from "#cli/help-notes.ts";
import { STAGES } from "#gates/verify/stages.ts";

const launcher = readFileSync(join(import.meta.dirname, "..", "..", "cepa"), "utf8");
/** Of the last choice: what the launcher starts by itself, but for `help`. */
const started = [...launcher.matchAll(/^ {2}([a-z]+)\)$/gm)]
  .map(([, name = ""]) => name)
  .filter((name) => name !== "help");

describe("commands of the checkout", () => {
  it("do not run with packages that changed, none of them, and have a help of their own", () => {
    const lists = [...launcher.matchAll(/^ +(up \|[a-z |]+)\)/gm)].map(([, list = ""]) => list.split(" | "));

    assert.equal(lists.length, 2);
    for (const list of lists) assert.deepEqual(list, started);
  });

  it("are in the help of the command line, each stage of verify among them", () => {
    const listed = [...PROGRAM_NOTES.matchAll(/^ {2}([a-z]+)\b.* {2}/gm)].map(([, name = ""]) => name);
    const [, verify = ""] = /^ {2}verify +(.*)$/m.exec(PROGRAM_NOTES.replace("[stage...]", "")) ?? [];

    assert.deepEqual(listed.sort(), started.toSorted());
    assert.deepEqual(
      STAGES.map(({ command: [word = "", ...rest] }) => (word === "chaos" ? (rest[0] ?? "") : word)).filter(
        (word) => !verify.includes(word),
      ),
      [],
    );
  });
});
