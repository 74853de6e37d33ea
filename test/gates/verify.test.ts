/** `cepa verify`: what its stages come to, and which of them are commands of this checkout. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { STAGES, type Stage } from "#gates/verify/stages.ts";
import { isPassed, type Verified, verify } from "#gates/verify/verify.ts";
import { minute } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LAUNCHER = join(ROOT, "cepa");

/** Processes that were given `mark` among their variables. */
function processesWith(mark: string): number {
  const marked = readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, "latin1").includes(mark);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  return marked.length;
}

/** Each stage takes ten minutes and ends with its code. */
async function verified(minutes: number, codes: readonly (number | null)[], flags: readonly Partial<Stage>[] = []) {
  const stages = codes.map((_, at): Stage => ({ name: `${at}`, command: [`do-${at}`], says: "", ...flags[at] }));
  const commands: string[] = [];
  let nowMs = 5;
  const stagesTold = await verify({
    stages,
    minutes,
    nowMs: () => nowMs,
    run: async ({ name }, command) => {
      nowMs += 10 * minute;
      commands.push(command.join(" "));
      return codes[Number(name)] ?? null;
    },
  });
  return { stages: stagesTold, commands };
}

const verdictsOf = (stages: readonly Verified[]): readonly string[] => stages.map(({ verdict }) => verdict);

describe("verify: stages", () => {
  it("pass together when each does", async () => {
    const { stages } = await verified(90, [0, 0]);

    assert.deepEqual(stages, [
      { stage: "0", verdict: "pass", seconds: 600 },
      { stage: "1", verdict: "pass", seconds: 600 },
    ]);
    assert(isPassed(stages));
  });

  it("go on after one that failed, and have not passed; nor with one that could not be run", async () => {
    for (const [code, verdict] of [
      [1, "fail"],
      [null, "fail"],
      [3, "not-run"],
    ] as const) {
      const { stages } = await verified(90, [code, 0]);

      assert.deepEqual(verdictsOf(stages), [verdict, "pass"]);
      assert(!isPassed(stages));
    }
    assert(!isPassed([]));
  });

  it("end where the first one fails that all others need", async () => {
    const { stages, commands } = await verified(90, [1, 0, 0], [{ isFirst: true }]);

    assert.deepEqual(verdictsOf(stages), ["fail", "not-run", "not-run"]);
    assert.deepEqual(commands, ["do-0"]);
  });

  it("give what is left of the time to the one that can use it, which does its least without any", async () => {
    const flags = [{}, { takesTime: true }];

    assert.deepEqual((await verified(90, [0, 0], flags)).commands, ["do-0", "do-1 --minutes 80"]);
    assert.deepEqual((await verified(10, [0, 0], flags)).commands, ["do-0", "do-1"]);
  });

  it("are commands of this checkout", () => {
    for (const { command } of STAGES) {
      const [word = ""] = command;
      const { status, stdout } = spawnSync(LAUNCHER, [word, "--help"], { encoding: "utf8", timeout: 60_000 });

      assert.equal(status, 0, word);
      assert(stdout.startsWith(`usage: cepa ${word}`), stdout);
    }
  });

  it("are named when there is none of that name, and a time has to be one", () => {
    for (const [words, said] of [
      [["all"], 'there is no stage "all": static, tests'],
      [["--minutes", "0"], "--minutes is a number above 0, at most 10080"],
      [["--frob"], "Unknown option '--frob'"],
    ] as const) {
      const { status, stderr } = spawnSync(LAUNCHER, ["verify", ...words], { encoding: "utf8", timeout: 60_000 });

      assert.equal(status, 2);
      assert(stderr.startsWith(`cepa: ${said}`) && stderr.endsWith(": see cepa verify --help\n"), stderr);
    }
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`end with the command when it gets ${signal}`, async () => {
      const mark = `CEPA_TEST_MARK=${randomUUID()}`;
      const [variable = "", value] = mark.split("=");
      const args = [join(ROOT, "gates", "verify", "main.ts"), "static"];
      const verifying = spawn(process.execPath, args, {
        env: { ...process.env, [variable]: value },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const ended = once(verifying, "exit");
      await eventually(60_000, "the checks run", () => processesWith(mark) > 2);

      verifying.kill(signal);

      assert.deepEqual(await ended, signal === "SIGKILL" ? [null, signal] : [143, null]);
      await eventually(10_000, "nothing of it runs", () => processesWith(mark) === 0);
    });
  }
});
