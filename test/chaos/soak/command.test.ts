/** `cepa chaos soak` as it is used. A soak of its own takes minutes: there is one where `CEPA_CHAOS_SECONDS` says that there is time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { LEAKS } from "#chaos/real/soak/plants.ts";
import { workMissing } from "#test/kit/work-node.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const MAIN = join(ROOT, "chaos", "real", "soak", "main.ts");

const skip =
  workMissing ?? (process.env["CEPA_CHAOS_SECONDS"] === undefined ? "only ./cepa verify has the time" : false);

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function soak(...args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr.on("data", (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

describe("cepa chaos soak", () => {
  it("says how it is used", async () => {
    const { code, stdout } = await soak("--help");

    assert.equal(code, 0);
    assert.match(stdout, /^usage: cepa chaos soak [\s\S]*Examples:\n {2}\$ cepa chaos soak\n/);
  });

  for (const [what, args, says] of [
    ["too few events", ["--events", "999"], /--events 999 is no number between 1000 and/],
    ["too few objects", ["--objects", "x"], /--objects x is no number between 400 and/],
    ["no time", ["--minutes", "soon"], /--minutes soon is no number of minutes/],
    ["an unknown leak", ["--plant", "x"], /there is no leak x: leak-descriptor, leak-memory/],
    ["an unknown option", ["--wish"], /Unknown option '--wish'/],
  ] as const) {
    it(`says what is wrong with ${what}, and exits with 2`, async () => {
      const { code, stdout, stderr } = await soak(...args);

      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, says);
    });
  }

  for (const { name, patch } of LEAKS) {
    it(`can plant ${name}: its text is in the source once`, () => {
      assert.equal(readFileSync(join(ROOT, patch.file), "utf8").split(patch.from).length, 2);
    });
  }

  it("accounts for everything in some minutes, in which a heap cannot be said to stay as it is", {
    skip,
  }, async (context) => {
    const { code, stdout, stderr } = await soak("--events", "10000", "--objects", "1000", "--json");

    const { checks, ...verdict } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
    context.diagnostic(JSON.stringify({ ...verdict, checks }));
    const { "heaps-do-not-grow": heaps, ...exact } = checks as Readonly<Record<string, string>>;
    assert.match(heaps ?? "", /^pass$|^undecided: /, stderr);
    assert.deepEqual(new Set(Object.values(exact)), new Set(["pass"]));
    assert.equal(code, heaps === "pass" ? 0 : 3);
    assert.equal(verdict.verdict, heaps === "pass" ? "pass" : "undecided");
  });
});
