/** `cepa chaos soak` as it is used. A soak of its own takes minutes: there is one where `CEPA_CHAOS_SECONDS` says that there is time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { LEAKS } from "#chaos/real/soak/plants.ts";
import { roomProblem } from "#chaos/real/soak/room.ts";
import { diskBytesOf } from "#chaos/soak/plan.ts";
import { timeLeft } from "#chaos/soak/time-left.ts";
import { GiB, minute, second } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";
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
  return soakIn(tmpdir(), ...args);
}

/** `folder` is for its data. */
function soakIn(folder: string, ...args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, TMPDIR: folder } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr.on("data", (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

/** Command lines that name `path`. */
function processesAt(path: string): readonly string[] {
  const lines = readdirSync("/proc").map((name) => {
    try {
      return /^\d+$/.test(name) ? readFileSync(`/proc/${name}/cmdline`, "latin1") : "";
    } catch {
      // It has ended meanwhile.
      return "";
    }
  });
  return lines.filter((line) => line.includes(path));
}

describe("cepa chaos soak", () => {
  it("says how it is used", async () => {
    const { code, stdout } = await soak("--help");

    assert.equal(code, 0);
    assert.match(
      stdout,
      /^usage: cepa chaos soak [\s\S]*\n {2}\$ cepa chaos soak +# 10 to 15 minutes, some 4\.9 GiB of disk\n/,
    );
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

  it("says how much room it takes, and does not start without it", async () => {
    // A file system that has no room at all.
    const { code, stdout, stderr } = await soakIn("/proc", "--json");

    assert.equal(code, 3);
    assert.match(
      stderr,
      /^cepa: soak: \/proc has 0\.0 GiB free, and this takes some 4\.9 GiB there: free some, .*TMPDIR/,
    );
    const { verdict, reason, checks } = JSON.parse(stdout);
    assert.deepEqual([verdict, `cepa: soak: ${reason}\n`, checks], ["undecided", stderr, {}]);
  });

  it("takes some 5 GiB for a million events and a hundred thousand objects, and starts where there are as many", () => {
    assert.equal(Math.round(diskBytesOf(1_000_000, 100_000) / GiB), 5);
    assert.equal(roomProblem(tmpdir(), 1), undefined);
  });

  it("says how long its rounds still take, if they go on as they have begun", () => {
    const told = [timeLeft(1, 48, second), timeLeft(12, 48, 15 * minute), timeLeft(48, 48, minute)];

    assert.deepEqual(told, ["some 47 s left", "some 45 min left", "some 0 s left"]);
  });

  for (const { name, patch } of LEAKS) {
    it(`can plant ${name}: its text is in the source once`, () => {
      assert.equal(readFileSync(join(ROOT, patch.file), "utf8").split(patch.from).length, 2);
    });
  }

  for (const [when, heard] of [
    ["while its node starts", /a node starts/],
    ["in its rounds", /round 1 of/],
  ] as const) {
    it(`leaves nothing behind when it is interrupted ${when}`, { skip }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "cepa-test-"));
      const args = [MAIN, "--events", "1000", "--objects", "400"];
      const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder } });
      let stderr = "";
      child.stderr.on("data", (bytes: Buffer) => {
        stderr += bytes.toString();
        if (heard.test(stderr)) child.kill("SIGINT");
      });

      assert.deepEqual(await once(child, "close"), [130, null], stderr);
      assert.deepEqual(readdirSync(folder), []);
      rmdirSync(folder);
    });
  }

  it("leaves nothing behind when it is killed", { skip: workMissing ?? false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "cepa-test-"));
    const args = [MAIN, "--events", "1000", "--objects", "400"];
    const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder }, stdio: "ignore" });
    const isUp = (): boolean => processesAt(folder).some((line) => line.includes("postgres"));
    await eventually(60_000, "its node starts", () => isUp() || child.exitCode !== null);
    assert.equal(child.exitCode, null);

    child.kill("SIGKILL");

    await eventually(10_000, "nothing is left", () => processesAt(folder).length + readdirSync(folder).length === 0);
    rmdirSync(folder);
  });

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
