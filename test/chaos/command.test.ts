/** `cepa chaos` as it is used: what it prints, what it exits with, and what it leaves behind. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EVENT_CHECKS } from "#chaos/checkers/event-checker.ts";
import type { Fault } from "#chaos/fault.ts";
import type { Plan } from "#chaos/plan.ts";
import { PLANTED_BUGS } from "#chaos/plants.ts";
import { ownNetworkMissing } from "#chaos/real/network/own-network.ts";
import { osMissing } from "#chaos/real/os-world.ts";
import { SCENARIOS } from "#chaos/scenarios.ts";
import { workMissing } from "#test/kit/work-node.ts";

const MAIN = join(import.meta.dirname, "..", "..", "chaos", "main.ts");

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const skip = (await osMissing()) ?? (await ownNetworkMissing()) ?? false;
/** What is done to connections at the gates before a node. */
const GATED = ["partition", "one-way-cut", "narrow-network", "broken-connections"];

/** Of a real node `/readyz` is looked at when nothing has happened for a second: the plan goes on for so long after its last fault. */
const CALM_AFTER: Partial<Plan> = { durationMs: 6000 };

describe("cepa chaos", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "cepa-chaos-command-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  function chaos(...args: readonly string[]): Promise<Ran> {
    return chaosIn(join(directory, "records"), ...args);
  }

  function chaosIn(records: string, ...args: readonly string[]): Promise<Ran> {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: directory,
      env: { ...process.env, CEPA_CHAOS_RECORDS: records },
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

  /** A plan in a file. */
  function planned(name: string, faults: readonly Fault[], more: Partial<Plan> = {}): string {
    const moments = { seed: 3, durationMs: 4000, settlesWithinMs: 20_000, clients: 2, pauseMs: 100 };
    const path = join(directory, name);
    writeFileSync(
      path,
      JSON.stringify({ scenario: name.replace(".json", ""), ...moments, config: "", faults, ...more }),
    );
    return path;
  }

  it("lists what there is", async () => {
    const { code, stdout } = await chaos("list");

    assert.equal(code, 0);
    for (const { name } of [...SCENARIOS, ...PLANTED_BUGS]) assert.match(stdout, new RegExp(`^${name} `, "m"));
    assert.match((await chaos("--help")).stdout, /^usage: cepa chaos list/);
  });

  for (const [what, args, says] of [
    ["no command", [], /say what to do/],
    ["an unknown command", ["break"], /there is no command break: list, run, grid, .*, soak: see/],
    ["a command that is nearly one", ["rnu"], /there is no command rnu \(did you mean run\?\): list, /],
    ["an unknown scenario", ["run", "nothing"], /there is no scenario nothing: cepa chaos list has them/],
    ["a plan that is not there", ["run", "none.json"], /none\.json cannot be read: ENOENT/],
    ["a seed that is none", ["run", "power-fails", "--seed", "x"], /x is no seed/],
    ["a grid of something", ["grid", "of-something"], /grid takes no of-something/],
    ["an unknown executor", ["run", "power-fails", "--executor", "x"], /--executor x: sim, process, os/],
    ["an unknown bug", ["run", "power-fails", "--plant", "x"], /there is no bug x/],
    [
      "a scenario that is nearly one",
      ["run", "power-fail"],
      /there is no scenario power-fail \(did you mean power-fails\?\): cepa chaos list has them/,
    ],
    ["a bug that is nearly one", ["run", "power-fails", "--plant", "no-fsnyc"], /\(did you mean no-fsync\?\)/],
    ["an option of another command", ["hunt", "--executor", "process"], /hunt has no option --executor/],
    ["two plans", ["run", "one.json", "two.json"], /one thing at a time, not two\.json as well/],
    ["an unknown option", ["run", "--wish"], /Unknown option '--wish'/],
    ["a run that never was", ["replay", "12345"], /there is no run of seed 12345/],
  ] as const) {
    it(`says what is wrong with ${what}, and exits with 2`, async () => {
      const { code, stdout, stderr } = await chaos(...args);

      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, says);
    });
  }

  it("runs a plan, says what held in its last line, and runs it again the same", async () => {
    const path = planned("own.json", [{ kind: "crash-actor", atMs: 1000, actor: "storage" }]);

    const ran = await chaos("run", path, "--json");
    const again = await chaos("replay", "--json");
    const page = await chaos("report", "3");

    const verdict = JSON.parse(ran.stdout);
    assert.equal(ran.code, 0, ran.stdout);
    assert.deepEqual(Object.keys(verdict), [
      "scenario",
      "executor",
      "seed",
      "verdict",
      "faults",
      "events",
      "digest",
      "checks",
    ]);
    assert.deepEqual(verdict.faults, { "crash-actor": { planned: 1, injected: 1, effects: 1 } });
    const { isSame, ...same } = JSON.parse(again.stdout);
    assert.deepEqual([isSame, same], [true, verdict]);
    assert.match(again.stderr, /^cepa: the same again$/m);
    const html = readFileSync(page.stdout.trim(), "utf8");
    assert.match(html, /<h1>own: <span class="pass">pass<\/span><\/h1>/);
    assert.match(html, /crash-actor storage at 1000 ms/);
    assert.doesNotMatch(html, /https?:/, "it needs nothing else");
  });

  it("says of a run that was another each time that it is not the same, and leaves its record as it is", async () => {
    const path = planned("edited.json", [], { seed: 8, durationMs: 1000 });
    const record = join(directory, "records", "edited-sim-8.json");
    await chaos("run", path);
    writeFileSync(record, readFileSync(record, "utf8").replace('"pauseMs":100', '"pauseMs":90'));

    const answers = [await chaos("replay", "8", "--json"), await chaos("replay", "8", "--json")];

    for (const { code, stdout, stderr } of answers) {
      assert.equal(code, 1);
      assert.equal(JSON.parse(stdout).isSame, false);
      assert.match(stderr, /^cepa: NOT the same again: it was pass, [0-9a-f]{64}$/m);
    }
  });

  it("tells what a run came to where it cannot be kept", async () => {
    const path = planned("untold.json", []);

    const { code, stdout, stderr } = await chaosIn("/dev/null", "run", path, "--json");

    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).verdict, "pass");
    assert.match(stderr, /^cepa: this run cannot be replayed: E/m);
  });

  it("finds the faults that a failure needs", async () => {
    const jumps = [1, 2, 3, 4, 5].map((at): Fault => ({ kind: "clock-jump", atMs: 500 * at, byMs: -5000 }));
    const nobody: Fault = { kind: "cut-link", atMs: 1200, forMs: 200, cell: "work" };
    const path = planned("smaller.json", [...jumps, nobody], { seed: 4 });

    const ran = await chaos("run", path);
    const shrunk = await chaos("shrink", "4");

    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /^ {2}FAIL {2}faults-took-effect: without effect: cut-link work for 200 ms$/m);
    const path4 = join(directory, "records", "smaller-4.plan.json");
    assert.match(shrunk.stdout, /^1 of 6 faults are enough for faults-took-effect, after \d+ runs: /m);
    assert(shrunk.stdout.includes(`: ${path4}\n`), shrunk.stdout);
    assert.match(shrunk.stdout, /^Again: \.\/cepa chaos run .*smaller-4\.plan\.json --executor sim$/m);
    assert.match(shrunk.stdout, /^ {2}1200 ms {2}cut-link work for 200 ms$/m);
    assert.equal((await chaos("run", path4)).code, 1);
  });

  it("takes no plan from what may never end", async () => {
    const pipe = join(directory, "pipe.json");
    execFileSync("mkfifo", [pipe]);

    const { code, stderr } = await chaos("run", pipe);

    assert.deepEqual([code, stderr], [2, `cepa: ${pipe} is no file: see cepa chaos --help\n`]);
  });

  it("says with which bug a node was run, and that its failpoints are others", async () => {
    const path = planned("planted.json", [{ kind: "crash-actor", atMs: 1000, actor: "index" }]);
    const panic: Fault = { kind: "panic", atMs: 1, forMs: 1, count: 1, actor: "storage", failpoint: "put-durabel" };

    const { code, stdout } = await chaos("run", path, "--plant", "wrong-range");
    const refused = await chaos("run", planned("nowhere.json", [panic]));

    assert.equal(code, 1);
    assert.match(stdout, /^planted, seed 3, by sim: fail \(with the bug wrong-range\)$/m);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /faults\[0\]\.failpoint has to be one of storage: put-taken, put-durable, /);
  });

  it("never takes what was not run for a pass", async () => {
    const path = planned("not-here.json", [{ kind: "kill-server", atMs: 1000, server: "redis" }]);

    const { code, stdout } = await chaos("run", path, "--json");

    assert.equal(code, 3);
    const { verdict, reason } = JSON.parse(stdout);
    assert.deepEqual([verdict, reason], ["not-run", "a simulated node without producers has no servers"]);
  });

  it("breaks the disk and the clock under a node", { skip }, async () => {
    const path = planned(
      "system.json",
      [
        { kind: "clock-jump", atMs: 500, byMs: -3_600_000 },
        { kind: "disk-full", atMs: 1000, forMs: 1500, freeBytes: 100_000 },
        { kind: "disk-error", atMs: 3000, forMs: 800, operation: "sync", errno: "EIO", count: 1 },
        { kind: "bad-network", atMs: 100, forMs: 700, loss: [1, 50], duplicate: [1, 20], delayMs: 5, jitterMs: 20 },
        { kind: "partition", atMs: 2400, forMs: 600, groups: ["b"] },
      ],
      CALM_AFTER,
    );

    const { code, stdout } = await chaos("run", path, "--executor", "os", "--json");

    assert.equal(code, 0, stdout);
    const { faults } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    assert.deepEqual(Object.keys(faults), ["bad-network", "clock-jump", "disk-full", "partition", "disk-error"]);
  });

  it("breaks the servers of a node while producers publish", { skip: workMissing ?? false }, async () => {
    const faults: readonly Fault[] = [
      { kind: "kill-server", atMs: 500, server: "redis" },
      { kind: "stall-server", atMs: 2000, forMs: 700, server: "postgres" },
    ];

    const { code, stdout } = await chaos(
      "run",
      planned("servers.json", faults, { producers: 2, ...CALM_AFTER }),
      "--executor",
      "process",
      "--json",
    );

    assert.equal(code, 0, stdout);
    const { faults: met, checks } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    assert.deepEqual(Object.keys(met), ["kill-server", "stall-server"]);
    const looked = EVENT_CHECKS.filter((check) => checks[check] === "pass");
    assert.deepEqual(looked, EVENT_CHECKS);
  });

  it("breaks a tree of processes", async () => {
    const path = planned(
      "processes.json",
      [
        { kind: "crash-actor", atMs: 500, actor: "index" },
        { kind: "kill-cell", atMs: 1500, cell: "data" },
        { kind: "stop-cell", atMs: 2800, forMs: 500, cell: "ops" },
        { kind: "kill-node", atMs: 3500, forMs: 100, power: false },
        { kind: "partition", atMs: 300, forMs: 900, groups: ["b"] },
        { kind: "one-way-cut", atMs: 300, forMs: 900, groups: ["a"], lost: "answers" },
        { kind: "narrow-network", atMs: 1300, forMs: 700, bytesPerSecond: 200_000 },
        { kind: "broken-connections", atMs: 2300, forMs: 1000, breaks: [1, 2] },
      ],
      CALM_AFTER,
    );

    const { code, stdout } = await chaos("run", path, "--executor", "process", "--json");

    assert.equal(code, 0, stdout);
    const { faults } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    assert.deepEqual(
      new Set(Object.keys(faults)),
      new Set(["crash-actor", "kill-cell", "stop-cell", "kill-node", ...GATED]),
    );
  });
});
