/** External servers under a supervisor, with real processes: crash, hang, be deaf, never be ready, leave something behind. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { describeExit, type ExitReason } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { isGroupRunning } from "#runtime/real/process-group.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import { ServerChild } from "#supervisor/server/server-child.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { isRunning } from "#test/kit/running.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { silent } from "#test/supervisor/kit.ts";
import { whyOf } from "#test/supervisor/server/kit.ts";

const processes = createRealProcesses();

/** Scripts of a shell. `$1` is the file that says that the server serves; a helper's id is in it. */
const SCRIPTS = {
  well: 'sleep 1000 & echo $! > "$1.new"; mv "$1.new" "$1"; wait',
  /** Neither it nor its helper hears SIGTERM. */
  deaf: 'trap "" TERM; sleep 1000 & echo $! > "$1.new"; mv "$1.new" "$1"; while :; do wait; done',
  never: "echo waiting for nothing >&2; sleep 1000 & wait",
  crash: "echo starting; echo no room on device >&2; exit 3",
  /** Serves, and crashes leaving its helper alone. */
  deserts:
    'sleep 1000 & echo $! > "$1.new"; mv "$1.new" "$1"; until [ -e "$1.go" ]; do sleep 0.01; done; echo gone >&2; exit 4',
};

interface World {
  readonly child: ServerChild;
  readonly supervisor: Supervisor;
  readonly events: SupervisorEvent[];
  readonly readyFile: string;
  helperPid(): number;
  state(): string | undefined;
}

async function world(context: TestContext, script: keyof typeof SCRIPTS, triesMax = 500): Promise<World> {
  let removeDirectory: () => unknown = () => undefined;
  // After the last process that writes into it.
  const directory = await tempDirectory({
    after: (remove) => {
      removeDirectory = remove;
    },
  });
  const readyFile = `${directory}/ready`;
  const events: SupervisorEvent[] = [];
  const child = new ServerChild({
    name: "rows",
    processes,
    clock: realClock,
    log: silent,
    prepare: async () => ({
      command: "/bin/sh",
      args: ["-c", SCRIPTS[script], "server", readyFile],
      env: { PATH: "/usr/bin:/bin" },
    }),
    stopSignal: "SIGTERM",
    readiness: { probe: async () => existsSync(readyFile), tryTimeoutMs: 1 * second, pauseMs: 10, triesMax },
  });
  const budget = { restartsMax: 5, periodMs: 1 * minute };
  const supervisor = new Supervisor({
    name: "servers",
    strategy: "one-for-one",
    intensity: budget,
    rungs: [[{ spec: { name: "rows", restart: "permanent", budget, shutdownMs: 300 }, child }]],
    clock: realClock,
    random: createRealRandom(),
    log: silent,
    metrics: new Metrics(),
    bus: { publish: (event) => events.push(event) },
    onEscalate: () => undefined,
    onStuck: (name) => assert.fail(`${name} is stuck`),
  });
  // Timers of the runtime keep nothing alive, and neither does a child that has exited.
  const alive = setInterval(() => undefined, 1 * second);
  context.after(async () => {
    await supervisor.shutdown(1 * second);
    clearInterval(alive);
    await removeDirectory();
  });
  return {
    child,
    supervisor,
    events,
    readyFile,
    helperPid: () => Number(readFileSync(readyFile, "utf8")),
    state: () => supervisor.status()[0]?.state,
  };
}

/** Looks again whenever the event loop has turned; other processes need real time, so there is a generous limit. */
async function until(condition: () => boolean): Promise<void> {
  const limitMs = realClock.nowMs() + 20 * second;
  while (!condition() && realClock.nowMs() < limitMs) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  assert(condition(), "it comes to pass");
}

describe("server child (real): under a supervisor", { timeout: 60_000 }, () => {
  it("is restarted after kill -9, and nothing of the killed life is left", async (context) => {
    const on = await world(context, "well");
    await on.supervisor.start();
    const [pid, helperPid] = [on.child.pid, on.helperPid()];
    assert.deepEqual([isRunning(pid), isRunning(helperPid)], [true, true]);

    process.kill(pid, "SIGKILL");
    await until(() => on.state() === "running" && on.child.pid !== pid);

    assert.deepEqual([isRunning(pid), isRunning(helperPid)], [false, false]);
    assert.deepEqual(on.events, [
      { type: "ServiceCrashed", service: "rows", reason: "killed" },
      { type: "childRestarted", supervisor: "servers", child: "rows", life: 2, restarts: 1, reason: "killed" },
    ]);
  });

  it("is stopped with its helpers", async (context) => {
    const on = await world(context, "well");
    await on.supervisor.start();
    const [pid, helperPid] = [on.child.pid, on.helperPid()];

    await on.supervisor.shutdown(5 * second);

    assert.deepEqual([isRunning(pid), isRunning(helperPid), on.child.pid], [false, false, 0]);
  });

  it("is killed with its helpers when it does not hear SIGTERM", async (context) => {
    const on = await world(context, "deaf");
    await on.supervisor.start();
    const [pid, helperPid] = [on.child.pid, on.helperPid()];
    const beganMs = realClock.nowMs();

    await on.supervisor.shutdown(5 * second);

    assert(realClock.nowMs() - beganMs >= 300, "it had its time");
    assert.deepEqual([isRunning(pid), isRunning(helperPid)], [false, false]);
  });

  it("is killed when it is stopped by the system, and cannot hear anything", async (context) => {
    const on = await world(context, "well");
    await on.supervisor.start();
    const [pid, helperPid] = [on.child.pid, on.helperPid()];
    process.kill(pid, "SIGSTOP");

    await on.supervisor.shutdown(5 * second);

    assert.deepEqual([isRunning(pid), isRunning(helperPid)], [false, false]);
  });

  it("takes its helpers with it when it crashes, and says why", async (context) => {
    const on = await world(context, "deserts");
    const exits: ExitReason[] = [];
    on.child.onExit((reason) => exits.push(reason));
    assert.equal(whyOf(await on.child.start()), undefined);
    const helperPid = on.helperPid();

    writeFileSync(`${on.readyFile}.go`, "");
    await until(() => exits.length === 1);

    assert.deepEqual(exits.map(describeExit), ["exit code 4: gone"]);
    assert.equal(isRunning(helperPid), false);
  });
});

describe("server child (real): starts that fail", { timeout: 60_000 }, () => {
  it("say what the server said last, and leave nothing", async (context) => {
    const on = await world(context, "crash");

    assert.equal(whyOf(await on.child.start()), "exit code 3: starting | no room on device");
    assert.equal(on.child.pid, 0);
  });

  it("give up a server that is never ready, with its helpers", async (context) => {
    const on = await world(context, "never", 10);
    const starting = on.child.start();
    await until(() => on.child.pid !== 0);
    const { pid } = on.child;

    assert.equal(whyOf(await starting), "not ready after 10 tries: waiting for nothing");
    assert.equal(isGroupRunning(pid), false);
  });

  it("are counted like crashes", async (context) => {
    const on = await world(context, "crash");

    await on.supervisor.start();
    await until(() => on.events.length >= 2);

    assert.deepEqual(on.events.slice(0, 2), [
      { type: "ServiceCrashed", service: "rows", reason: "start-failed" },
      { type: "childRestarted", supervisor: "servers", child: "rows", life: 2, restarts: 1, reason: "start-failed" },
    ]);
  });
});
