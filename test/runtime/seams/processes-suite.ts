/** What every implementation of processes keeps, real or simulated. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Process, ProcessExit, Processes, SpawnSpec, ThisProcess } from "#runtime/processes.ts";

export interface ProcessesCase {
  readonly processes: Processes;
  /** How to start a child that behaves as `role`. */
  spec(role: string): SpawnSpec;
  /** Waits until `condition` holds; the case knows what makes its world turn. */
  until(condition: () => boolean): Promise<void>;
}

/** What the children of this suite do. */
export function behave(role: string, self: ThisProcess): void {
  switch (role) {
    case "echo":
      self.onMessage((message) => self.send({ echo: message }));
      break;
    case "exit-7":
      self.onMessage(() => self.exit(7));
      self.send("ready");
      break;
    case "polite":
      self.onSignal("SIGTERM", () => self.exit(0));
      self.onMessage(() => undefined);
      self.send("ready");
      break;
    case "environment":
      self.onMessage(() => undefined);
      self.send({ env: Object.keys(self.env).filter((name) => name === "GIVEN" || name === "HOME"), pid: self.pid });
      break;
    case "orphan":
      self.onMessage(() => undefined);
      self.onParentGone(() => self.exit(0));
      break;
    case "lonely":
      self.onParentGone(() => self.exit(3));
      if (self.send("nobody hears this")) self.exit(1);
      self.exit(0);
      break;
    default:
      self.exit(99);
  }
}

export function processesSuite(name: string, start: () => Promise<ProcessesCase>): void {
  const spawned = async (world: ProcessesCase, role: string): Promise<Child> => {
    const answer = await world.processes.spawn(world.spec(role));
    assert(answer.ok, "it spawns");
    return new Child(answer.value);
  };

  describe(`processes (${name}): children`, () => {
    it("hear and are heard, in order, every JSON value", async () => {
      const world = await start();
      const child = await spawned(world, "echo");
      const values = [1, "two", null, { three: [3, { deep: true }] }, false];

      for (const value of values) assert.equal(child.process.send(value), true);
      await world.until(() => child.heard.length === values.length);
      child.process.kill("SIGKILL");
      await world.until(() => child.exits.length === 1);

      assert.deepEqual(
        child.heard,
        values.map((echo) => ({ echo })),
      );
    });

    it("end with a code, told once, also to who asks afterwards; then nothing reaches them", async () => {
      const world = await start();
      const child = await spawned(world, "exit-7");
      await world.until(() => child.heard.length === 1);
      assert.equal(world.processes.exists(child.process.pid), true);
      assert.equal(child.process.hasGroup(), true);

      child.process.send("go");
      await world.until(() => child.exits.length === 1);
      child.process.onExit((exit) => child.exits.push(exit));
      await world.until(() => child.exits.length === 2);

      const exit = { code: 7, signal: undefined };
      assert.deepEqual(child.exits, [exit, exit]);
      assert.equal(child.process.send("late"), false);
      assert.equal(child.process.kill("SIGKILL"), false);
      assert.equal(world.processes.exists(child.process.pid), false);
      assert.equal(child.process.hasGroup(), false);
    });

    it("end by a signal, or by their own answer to it", async () => {
      const world = await start();
      const killed = await spawned(world, "echo");
      const polite = await spawned(world, "polite");
      await world.until(() => polite.heard.length === 1);

      assert.equal(killed.process.kill("SIGKILL"), true);
      assert.equal(polite.process.kill("SIGTERM"), true);
      await world.until(() => killed.exits.length === 1 && polite.exits.length === 1);

      assert.deepEqual(killed.exits, [{ code: undefined, signal: "SIGKILL" }]);
      assert.deepEqual(polite.exits, [{ code: 0, signal: undefined }]);
    });

    it("have the environment that they were given and no other", async () => {
      const world = await start();
      const child = await spawned(world, "environment");
      await world.until(() => child.heard.length === 1);
      child.process.kill("SIGKILL");
      await world.until(() => child.exits.length === 1);

      assert.deepEqual(child.heard, [{ env: ["GIVEN"], pid: child.process.pid }]);
    });

    it("without a channel are not heard, and know no parent", async () => {
      const world = await start();
      const answer = await world.processes.spawn({ ...world.spec("lonely"), channel: false });
      assert(answer.ok, "it spawns");
      const child = new Child(answer.value);
      await world.until(() => child.exits.length === 1);

      assert.equal(child.process.send("hello"), false);
      assert.deepEqual(child.exits, [{ code: 0, signal: undefined }]);
      assert.deepEqual(child.heard, []);
    });

    it("that cannot be started are a failure with the system's name for it", async () => {
      const world = await start();

      const answer = await world.processes.spawn({ ...world.spec("echo"), command: "/no/such/command" });

      const failure = { code: "processes.spawn-failed", command: "/no/such/command", errno: "ENOENT" };
      assert.deepEqual(answer, { ok: false, failure });
    });
  });

  describe(`processes (${name}): self`, () => {
    it("exists, has memory, and without a parent sends to nobody", async () => {
      const { processes } = await start();
      const { self } = processes;

      assert.equal(processes.exists(self.pid), true);
      assert(self.residentBytes() > 1_000_000);
      assert.equal(self.send("hello"), false);
    });
  });
}

class Child {
  readonly process: Process;
  readonly heard: unknown[] = [];
  readonly exits: ProcessExit[] = [];

  constructor(process: Process) {
    this.process = process;
    process.onMessage((message) => this.heard.push(message));
    process.onExit((exit) => this.exits.push(exit));
  }
}
