/** `cepa fuzz` as it is used: what it prints, what it exits with, and what it leaves behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { changedLine } from "#test/fuzz/changed.ts";
import { FAMILIES } from "#test/fuzz/families.ts";
import { PROGRESS_MS, startProgress } from "#test/fuzz/progress.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const MAIN = join(import.meta.dirname, "main.ts");
/** Plants a bug: the first suffix of a range is one byte too long. */
const PLANT = JSON.stringify({
  file: "actors/gateway/range.ts",
  from: "{ suffix: position(last) }",
  to: "{ suffix: position(last) + 1 }",
});

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("cepa fuzz", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "cepa-fuzz-command-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  function run(
    options: readonly string[],
    env: Readonly<Record<string, string>>,
    args: readonly string[],
  ): Promise<Ran> {
    const child = spawn(process.execPath, [...options, MAIN, ...args], {
      cwd: directory,
      env: { ...process.env, CEPA_FUZZ_RECORDS: directory, ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (bytes: Buffer) => {
      stdout += bytes.toString();
    });
    child.stderr.on("data", (bytes: Buffer) => {
      stderr += bytes.toString();
    });
    return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
  }
  const fuzz = (...args: readonly string[]): Promise<Ran> => run([], {}, args);
  const fuzzPlanted = (...args: readonly string[]): Promise<Ran> =>
    run(["--import", join(ROOT, "test/kit/plant-hook.ts")], { CEPA_PLANT: PLANT }, args);

  it("says what it is for", async () => {
    const { code, stdout } = await fuzz("--help");

    assert.equal(code, 0);
    assert.match(stdout, /^usage: cepa fuzz \[FAMILY\.\.\.\]/);
    assert.match(stdout, /Examples:/);
  });

  for (const [what, args, says] of [
    ["an unknown family", ["nothing"], /there is no family nothing: cepa fuzz list has them/],
    ["a family that is nearly one", ["rnages"], /there is no family rnages \(did you mean ranges\?\): cepa fuzz list/],
    ["minutes that are none", ["ranges", "--minutes", "0"], /--minutes 0 is no number of minutes/],
    ["a seed that is none", ["ranges", "--seed", "x"], /x is no seed/],
    ["an unknown option", ["--wish"], /Unknown option '--wish'/],
    ["no file", ["replay"], /say which file/],
    ["two files", ["replay", "a", "b"], /^cepa: replay takes no b as well: see/],
    ["a family to list", ["list", "link"], /^cepa: list takes no link: see/],
    ["a file of nobody", ["replay", MAIN], /main\.ts is not named FAMILY\.TARGET/],
    [
      "a file that is not there",
      ["replay", "ranges.range.00.input"],
      /^cepa: there is no file ranges\.range\.00\.input: see/,
    ],
  ] as const) {
    it(`says what is wrong with ${what}, and exits with 2`, async () => {
      const { code, stdout, stderr } = await fuzz(...args);

      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, says);
    });
  }

  it("says where nothing can be kept before it begins, and exits with 2", async () => {
    const { code, stdout, stderr } = await run([], { CEPA_FUZZ_RECORDS: MAIN }, ["ranges", "--minutes", "0.01"]);

    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(
      stderr,
      /^cepa: what is found cannot be kept: ENOTDIR: [^\n]+: let CEPA_FUZZ_RECORDS name a folder that may be written: see cepa fuzz --help\n$/,
    );
  });

  it("keeps what is new, adds a line to the ledger, and says how far that is from a release", async () => {
    const { code, stdout } = await fuzz("ranges", "--minutes", "0.01", "--seed", "7", "--json");

    const [entry, verdict] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(code, 0, stdout);
    assert.deepEqual([entry.family, entry.seed, entry.found, entry.verdict], ["ranges", 7, 0, "pass"]);
    assert(entry.executions > 100 && entry.seconds > 0 && entry.inputs > 0);
    assert.deepEqual(verdict, {
      ...{ verdict: "pass", families: 1, seed: 7, executions: entry.executions, seconds: entry.seconds, found: [] },
      changed: ["ledger.jsonl", "corpus/ranges/range.txt"],
    });
    const { verdict: _, ...kept } = entry;
    assert.deepEqual(JSON.parse(readFileSync(join(directory, "ledger.jsonl"), "utf8")), kept);
    const lines = readFileSync(join(directory, "corpus", "ranges", "range.txt"), "utf8")
      .trim()
      .split("\n");
    assert.equal(lines.length, entry.inputs);

    const sum = await fuzz("ledger");
    assert.equal(sum.code, 1);
    assert.match(
      sum.stdout,
      /^ranges +\d s of 72 hours \(0 %\), \d s over the sources as they are; \d+ executions in 1 runs/m,
    );
    assert.match(
      sum.stdout,
      new RegExp(`^NOT enough for a release: ${FAMILIES.length} of ${FAMILIES.length} families`, "m"),
    );
  });

  it("says which files it has changed, and of what its seconds are", async () => {
    const { stdout } = await fuzz("ranges", "--minutes", "0.001", "--seed", "7");
    const [, verdict = "", changed = ""] = stdout.trim().split("\n");

    assert.match(verdict, /^pass: \d+ executions in \d+ s of processors, seed 7, 0 found$/);
    assert.match(changed, /^changed: ledger\.jsonl/);
    assert.equal(
      changedLine({ folder: "test/fuzz", corpus: ["test/fuzz/corpus/link/a.txt", "b/link/c.txt"], isCheckout: true }),
      "changed: test/fuzz/ledger.jsonl and 2 files in test/fuzz/corpus (link); commit it, or take it back: git checkout test/fuzz/ledger.jsonl test/fuzz/corpus",
    );
  });

  it("says every ten seconds what is under way, where it is not drawn on a terminal", () => {
    const lines: string[] = [];
    let nowMs = 0;
    const progress = startProgress({ write: (text) => lines.push(text) }, () => nowMs);
    for (const name of ["link", "ranges"]) {
      nowMs += PROGRESS_MS - 1;
      progress({ name })({ name: "frames" }, { executions: 5, reached: 4, kept: [] });
    }

    assert.deepEqual(lines, ["cepa: ranges, frames: 5 executions, 4 ways reached, 0 inputs\n"]);
  });

  it("writes what it has found to a file that shows it again, and that can be kept", async () => {
    const ran = await fuzzPlanted("ranges", "--minutes", "0.05", "--seed", "7", "--json");

    assert.equal(ran.code, 1, ran.stderr);
    const { verdict, found } = JSON.parse(ran.stdout.trim().split("\n").at(-1) ?? "");
    assert.equal(verdict, "fail");
    const [path] = found as readonly string[];
    assert(path !== undefined && existsSync(join(directory, path)), ran.stdout);
    assert.match(ran.stderr, new RegExp(`^cepa: again: cepa fuzz replay ${path}$`, "m"));

    const again = await fuzzPlanted("replay", path);
    assert.equal(again.code, 1);
    assert.match(again.stdout, /^FAIL {2}Range, input [0-9a-f]+: AssertionError/);
    const mended = await fuzz("replay", path);
    assert.deepEqual([mended.code, /^pass {2}Range/.test(mended.stdout)], [0, true]);
    assert.equal((await fuzz("keep", path)).code, 0);
    assert.match(readFileSync(join(directory, "corpus", "ranges", "range.txt"), "utf8"), /^!/m);
  });

  it("lists the families and what they have", async () => {
    writeFileSync(join(directory, "ledger.jsonl"), "");

    const { code, stdout } = await fuzz("list");

    assert.equal(code, 0);
    for (const { name } of FAMILIES) assert.match(stdout, new RegExp(`^${name} `, "m"));
  });
});
