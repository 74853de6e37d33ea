/** Both implementations against the same suite; then what only one of them can do. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Process, SpawnSpec } from "#runtime/processes.ts";
import { CHANNEL_BACKLOG_MAX, createRealProcesses, OUTPUT_GRACE_MS } from "#runtime/real/processes.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { SIMULATED_BACKLOG_MAX, SimulatedProcesses } from "#runtime/simulated/processes.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { behave, processesSuite } from "#test/runtime/seams/processes-suite.ts";

const childScript = fileURLToPath(new URL("./processes-child.ts", import.meta.url));
const parentScript = fileURLToPath(new URL("./processes-parent.ts", import.meta.url));
const real = createRealProcesses();

processesSuite("real", async () => ({ processes: real, spec: realSpec, until: waitUntil }));

processesSuite("simulated", async () => {
  const { processes, clock } = simulated();
  return {
    processes,
    spec: (role) => ({ command: "child", args: [role], env: { GIVEN: "1" }, channel: true }),
    until: async (condition) => {
      for (let turn = 0; turn < 100 && !condition(); turn += 1) await clock.settle();
      assert(condition(), "it comes to pass");
    },
  };
});

describe("processes (real): the group", () => {
  const shellOf = async (script: string): Promise<Process> => {
    const spawned = await real.spawn({ command: "/bin/sh", args: ["-c", script], env: {}, channel: false });
    assert(spawned.ok, "it spawns");
    return spawned.value;
  };

  it("dies with its leader: a kill reaches what the child started", async () => {
    const shell = await shellOf("sleep 1000 & wait");
    let hasExited = false;
    shell.onExit(() => {
      hasExited = true;
    });

    assert.equal(shell.kill("SIGKILL"), true);
    await waitUntil(() => hasExited);

    await waitUntil(() => !groupExists(shell.pid));
  });

  it("dies when its leader exits, before the exit is told", async () => {
    const shell = await shellOf("sleep 1000 & exit 5");
    const exits: unknown[] = [];
    shell.onExit((exit) => exits.push(exit));

    await waitUntil(() => exits.length === 1);

    assert.deepEqual(exits, [{ code: 5, signal: undefined }]);
    await waitUntil(() => !shell.hasGroup());
  });

  it("is not the parent's: its children lead sessions of their own", async () => {
    const shell = await shellOf("exec sleep 1000");

    assert.equal(groupExists(shell.pid), true);
    shell.kill("SIGKILL");
    await waitUntil(() => !real.exists(shell.pid));
  });
});

describe("processes (real): output", () => {
  const heardFrom = async (script: string): Promise<{ readonly text: string; readonly tookMs: number }> => {
    const beganMs = performance.now();
    let text = "";
    const spawned = await real.spawn({
      command: "/bin/sh",
      args: ["-c", script],
      env: { PATH: "/usr/bin:/bin" },
      channel: false,
      onOutput: (bytes, stream) => {
        text += `${stream} ${Buffer.from(bytes).toString()}`;
      },
    });
    assert(spawned.ok, "it spawns");
    let hasExited = false;
    spawned.value.onExit(() => {
      hasExited = true;
    });
    await waitUntil(() => hasExited);
    return { text, tookMs: performance.now() - beganMs };
  };

  it("is heard to the end before the exit is told, by stream", async () => {
    assert.equal((await heardFrom("echo one >&2")).text, "stderr one\n");
    const { text } = await heardFrom('i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done');
    assert.equal(text.endsWith("line 4999\n"), true);
  });

  it("is waited for no longer than OUTPUT_GRACE_MS when somebody outside the group holds it", async () => {
    const { text, tookMs } = await heardFrom("setsid sleep 3 & sleep 0.2; echo done");

    assert.equal(text, "stdout done\n");
    assert(tookMs >= OUTPUT_GRACE_MS && tookMs < 3000, `it took ${tookMs} ms`);
  });
});

describe("processes (real): loss of the parent", () => {
  /** A process whose child is in its own right what `args` say, and the id of that child. */
  const withChild = async (...args: readonly string[]): Promise<{ readonly parent: Process; readonly pid: number }> => {
    const { command, args: _, ...rest } = realSpec("");
    const parent = await real.spawn({ command, args: [parentScript, ...args], ...rest });
    assert(parent.ok, "it spawns");
    let pid: unknown;
    parent.value.onMessage((message) => {
      pid = message;
    });
    await waitUntil(() => pid !== undefined);
    assert(typeof pid === "number", `it has a child: ${JSON.stringify(pid)}`);
    return { parent: parent.value, pid };
  };
  /** Its id is known before it has become the command: earlier it would not have asked for the signal yet. */
  const becomes = (pid: number, command: string): Promise<void> =>
    waitUntil(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`${command}\0`));

  it("is the end of a child without a channel that is to die with it", async () => {
    const { parent, pid } = await withChild("/bin/sleep", "");
    await becomes(pid, "/bin/sleep");

    parent.kill("SIGKILL");

    await waitUntil(() => !real.exists(pid));
  });

  it("is told to the child, which ends; nothing is left", async () => {
    const { parent, pid } = await withChild(process.execPath, childScript);
    assert.equal(real.exists(pid), true);

    parent.kill("SIGKILL");

    await waitUntil(() => !real.exists(pid));
  });

  it("takes a stopped child with it, which cannot hear that its channel is gone", async () => {
    const { parent, pid } = await withChild(process.execPath, childScript);
    await becomes(pid, process.execPath);
    process.kill(pid, "SIGSTOP");

    parent.kill("SIGKILL");

    await waitUntil(() => !real.exists(pid));
  });
});

describe("processes (real): the channel", () => {
  it("takes so many messages for a child that does not read, and no more", async () => {
    const spawned = await real.spawn(realSpec("echo"));
    assert(spawned.ok, "it spawns");
    const child = spawned.value;
    let heardCount = 0;
    child.onMessage(() => {
      heardCount += 1;
    });
    child.send("first");
    await waitUntil(() => heardCount === 1);
    child.kill("SIGSTOP");

    const bulk = "x".repeat(10_000);
    let takenCount = 0;
    while (takenCount <= CHANNEL_BACKLOG_MAX + 100 && child.send(bulk)) takenCount += 1;

    assert.equal(takenCount, CHANNEL_BACKLOG_MAX);
    child.kill("SIGCONT");
    await waitUntil(() => heardCount === 1 + takenCount);
    assert.equal(child.send("again"), true);
    child.kill("SIGKILL");
    await waitUntil(() => !real.exists(child.pid));
  });
});

describe("processes (simulated): what a test drives", () => {
  it("are the children by name and pid, and how they end", async () => {
    const { processes, clock } = simulated();
    const spawned = await processes.spawn({ command: "child", args: ["echo"], env: {}, channel: true });
    assert(spawned.ok, "it spawns");
    const exits: unknown[] = [];
    spawned.value.onExit((exit) => exits.push(exit));

    const [child] = processes.children;
    assert.equal(child?.pid, spawned.value.pid);
    child?.end({ code: 70, signal: undefined });
    await clock.settle();

    assert.deepEqual(exits, [{ code: 70, signal: undefined }]);
    assert.deepEqual(processes.children, []);
  });

  it("is the loss of the parent, which children hear once", async () => {
    const { processes, clock } = simulated();
    await processes.spawn({ command: "child", args: ["orphan"], env: {}, channel: true });
    await clock.settle();

    processes.vanish();
    processes.vanish();
    await clock.settle();

    assert.deepEqual(processes.children, []);
  });

  it("is a stopped child, which hears everything when it goes on, up to the backlog", async () => {
    const { processes, clock } = simulated();
    const spawned = await processes.spawn({ command: "child", args: ["echo"], env: {}, channel: true });
    assert(spawned.ok, "it spawns");
    const heard: unknown[] = [];
    spawned.value.onMessage((message) => heard.push(message));
    await clock.settle();

    spawned.value.kill("SIGSTOP");
    for (let index = 0; index < SIMULATED_BACKLOG_MAX; index += 1) assert.equal(spawned.value.send(index), true);
    assert.equal(spawned.value.send("one more"), false);
    await clock.settle();
    assert.deepEqual(heard, []);
    spawned.value.kill("SIGCONT");
    for (let turn = 0; turn < 200; turn += 1) await clock.settle();

    assert.equal(heard.length, SIMULATED_BACKLOG_MAX);
    assert.deepEqual(heard[0], { echo: 0 });
  });

  it("closes what was open when a process is gone, however that came about", async () => {
    const { processes, clock } = simulated();
    const gone: string[] = [];
    processes.install("late", (self, { args: [name = ""] }) => {
      self.onGone(() => gone.push(name));
      if (name === "leaves") self.exit(0);
    });

    for (const name of ["leaves", "killed", "stays"]) {
      const spawned = await processes.spawn({ command: "late", args: [name], env: {}, channel: false });
      await clock.advance(1);
      assert(spawned.ok);
      if (name === "killed") spawned.value.kill("SIGKILL");
    }
    await clock.advance(1);

    assert.deepEqual(gone, ["leaves", "killed"]);
  });
});

function simulated(): { readonly processes: SimulatedProcesses; readonly clock: ManualClock } {
  const scheduler = seededScheduler(seededRandom(3));
  const programs = {
    child: (self: Parameters<typeof behave>[1], spec: SpawnSpec) => behave(spec.args[0] ?? "", self),
  };
  return { processes: new SimulatedProcesses({ scheduler, programs }), clock: new ManualClock() };
}

function realSpec(role: string): SpawnSpec {
  return { command: process.execPath, args: [childScript, role], env: { GIVEN: "1" }, channel: true };
}

function groupExists(pid: number): boolean {
  return real.exists(-pid);
}

/** Looks again whenever the event loop has turned; other processes need real time, so there is a generous limit. */
async function waitUntil(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition() && performance.now() < limit) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  assert(condition(), "it comes to pass");
}
