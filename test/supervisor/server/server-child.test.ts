/** An external server as a child, in memory: every way to start, to fail and to end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeExit, ok } from "#runtime/errors.ts";
import { LAST_WORDS_LENGTH_MAX } from "#supervisor/process-exit.ts";
import { LastLines, SERVER_LINE_LENGTH_MAX, SERVER_LINES_MAX } from "#supervisor/server/last-lines.ts";
import type { Launch } from "#supervisor/server/server-child.ts";
import { GROUP_GONE_MS } from "#supervisor/server/server-life.ts";
import { READINESS, saying, serverStage, whyOf } from "#test/supervisor/server/kit.ts";

describe("server child: start", () => {
  it("is over when the server says that it serves, after as many tries as that takes (SUP-26)", async () => {
    const on = serverStage();
    on.probe = async () => on.asked.length === 3;

    const started = on.child.start();
    await on.clock.advance(1000);

    assert.deepEqual(await started, ok());
    assert.deepEqual(on.asked, [0, 10, 20]);
    assert.equal(on.child.pid, on.server().pid);
    assert.equal(on.clock.armedCount, 0);
  });

  it("fails after triesMax tries, not before, and leaves nothing", async () => {
    const on = serverStage();
    on.probe = async () => false;
    on.behave = saying("cannot lock\nno room\n");

    const started = on.child.start();
    await on.clock.advance(1000);

    assert.equal(whyOf(await started), "not ready after 5 tries: cannot lock | no room");
    assert.equal(on.asked.length, READINESS.triesMax);
    assert.deepEqual([on.processes.children, on.child.pid, on.exits], [[], 0, []]);
    assert.equal(on.clock.armedCount, 0);
  });

  it("lasts for as long as the server says that it starts, and fails when it says nothing more (SUP-26)", async () => {
    const on = serverStage();
    on.probe = async () => (on.asked.length <= 50 ? "starting" : on.asked.length > 53);

    const started = on.child.start();
    await on.clock.advance(1000);
    assert.deepEqual([await started, on.asked.length], [ok(), 54]);
    const other = serverStage();
    other.probe = async () => (other.asked.length <= 50 ? "starting" : false);
    const failing = other.child.start();
    await other.clock.advance(1000);

    assert.match(whyOf(await failing) ?? "", /^not ready after 5 tries/);
    assert.equal(other.asked.length, 50 + READINESS.triesMax);
  });

  it("fails with what its preparation says, and runs nothing; the next start prepares again", async () => {
    let problem: string | undefined = "no room for a cluster";
    const on = serverStage({ prepare: async () => problem ?? { command: "serve", args: [], env: {} } });

    assert.equal(whyOf(await on.child.start()), "no room for a cluster");
    assert.deepEqual([on.processes.children, on.asked], [[], []]);

    problem = undefined;
    assert.deepEqual(await on.child.start(), ok());
  });

  it("runs nothing when it is stopped while it prepares", async () => {
    const prepared = Promise.withResolvers<Launch>();
    const on = serverStage({ prepare: () => prepared.promise });
    const started = on.child.start();

    const stopped = on.child.stop();
    prepared.resolve({ command: "serve", args: [], env: {} });

    await stopped;
    assert.equal(whyOf(await started), "shutdown");
    assert.deepEqual([on.processes.children, on.exits], [[], []]);
  });

  it("takes a probe that does not answer in time for a no, and tells it to stop", async () => {
    const aborted: boolean[] = [];
    const on = serverStage({
      readiness: {
        ...READINESS,
        probe: ({ signal }) => {
          signal.addEventListener("abort", () => aborted.push(true));
          return new Promise(() => undefined);
        },
      },
    });

    const started = on.child.start();
    await on.clock.advance(5 * READINESS.tryTimeoutMs + 4 * READINESS.pauseMs - 1);
    assert.equal(on.processes.children.length, 1);
    await on.clock.advance(1);

    assert.equal(whyOf(await started), "not ready after 5 tries");
    assert.equal(aborted.length, READINESS.triesMax);
  });

  it("fails with what the probe threw, and leaves nothing", async () => {
    const on = serverStage();
    on.probe = async () => {
      throw new TypeError("a defect");
    };

    const started = on.child.start();
    await on.clock.advance(0);

    assert.equal(whyOf(await started), "the readiness probe threw: TypeError: a defect");
    assert.deepEqual(on.processes.children, []);
  });

  it("fails at once when the server exits before it serves, with its last words", async () => {
    const on = serverStage();
    on.probe = () => new Promise(() => undefined);
    on.behave = (self, spec) => {
      saying("port is taken\n")(self, spec);
      self.exit(3);
    };

    const started = on.child.start();
    await on.clock.advance(0);

    assert.equal(whyOf(await started), "exit code 3: port is taken");
    assert.deepEqual(on.exits, []);
    assert.equal(on.clock.armedCount, 0);
  });

  it("fails when there is no such program", async () => {
    const on = serverStage({ command: "none" });

    assert.equal(whyOf(await on.child.start()), "none: ENOENT");
  });

  it("hands on the environment that it was given, and dies with its parent", async () => {
    const on = serverStage({ env: { PGDATA: "/data" }, cwd: "/data" });
    await on.child.start();

    const { env, cwd, diesWithParent, channel } = on.server().spec;
    assert.deepEqual(
      { env, cwd, diesWithParent, channel },
      {
        env: { PGDATA: "/data" },
        cwd: "/data",
        diesWithParent: true,
        channel: false,
      },
    );
  });
});

describe("server child: the end of a life", () => {
  it("is an exit, once, with code or signal and the last words", async () => {
    for (const [end, expected] of [
      [{ code: 0, signal: undefined }, "normal"],
      [{ code: 1, signal: undefined }, "exit code 1: oh"],
      [{ code: undefined, signal: "SIGSEGV" }, "ended by SIGSEGV: oh"],
      [{ code: undefined, signal: "SIGKILL" }, "killed after 0 ms"],
    ] as const) {
      const on = serverStage();
      on.behave = saying("oh");
      await on.child.start();
      await on.clock.settle();

      on.server().end(end);
      await on.clock.advance(0);

      assert.deepEqual(on.exits.map(describeExit), [expected]);
      assert.equal(on.child.pid, 0);
    }
  });

  it("is not told again when the next start fails", async () => {
    const on = serverStage();
    await on.child.start();
    on.server().end({ code: 1, signal: undefined });
    await on.clock.advance(0);
    on.probe = async () => false;

    const started = on.child.start();
    await on.clock.advance(1000);

    assert.equal(whyOf(await started), "not ready after 5 tries");
    assert.equal(on.exits.length, 1);
  });

  it("by kill is an exit too", async () => {
    const on = serverStage();
    await on.child.start();

    on.child.kill();
    on.child.kill();
    await on.clock.advance(0);

    assert.deepEqual(on.exits, [{ kind: "killed", afterMs: 0 }]);
  });

  it("waits for what is left of the group, and a start refuses while something stays", async () => {
    const on = serverStage();
    await on.child.start();
    const server = on.server();
    server.leavesGroupBehind = true;

    server.end({ code: 1, signal: undefined });
    await on.clock.advance(GROUP_GONE_MS - 1);
    assert.deepEqual(on.exits, []);
    await on.clock.advance(10);
    assert.equal(on.exits.length, 1);

    assert.equal(whyOf(await on.child.start()), "a process of the last life is still there");
    server.leavesGroupBehind = false;
    assert.deepEqual(await on.child.start(), ok());
  });

  it("comes as soon as the group is gone", async () => {
    const on = serverStage();
    await on.child.start();
    const server = on.server();
    server.leavesGroupBehind = true;
    server.end({ code: 1, signal: undefined });
    await on.clock.advance(50);

    server.leavesGroupBehind = false;
    await on.clock.advance(10);

    assert.equal(on.exits.length, 1);
    assert.equal(on.clock.armedCount, 0);
  });
});

describe("server child: stop", () => {
  it("is its own signal, and settles when nothing is left; that is no exit", async () => {
    const on = serverStage();
    const signals: string[] = [];
    on.behave = (self) => {
      self.onSignal("SIGTERM", () => signals.push("SIGTERM"));
      self.onSignal("SIGINT", () => {
        signals.push("SIGINT");
        self.exit(0);
      });
    };
    const started = on.child.start();
    await on.clock.settle();
    await started;

    const stopped = on.child.stop();
    await on.clock.advance(0);
    await stopped;

    assert.deepEqual([signals, on.exits, on.processes.children], [["SIGINT"], [], []]);
  });

  it("of a server that does not hear is helped by kill", async () => {
    const on = serverStage();
    on.behave = (self) => self.onSignal("SIGINT", () => undefined);
    const started = on.child.start();
    await on.clock.settle();
    await started;
    let isStopped = false;
    void on.child.stop().then(() => {
      isStopped = true;
    });
    await on.clock.advance(1000);
    assert.equal(isStopped, false);

    on.child.kill();
    await on.clock.advance(0);

    assert.deepEqual([isStopped, on.exits], [true, []]);
  });

  it("and kill end a start that is under way, in whatever step it is", async () => {
    for (const how of ["stop", "kill"] as const) {
      for (const settled of [false, true]) {
        const on = serverStage();
        on.probe = () => new Promise(() => undefined);
        const started = on.child.start();
        if (settled) await on.clock.settle();

        const ended = how === "stop" ? on.child.stop() : on.child.kill();
        await on.clock.advance(0);
        await ended;

        assert.equal(whyOf(await started), how === "stop" ? "shutdown" : "killed after 0 ms");
        assert.deepEqual([on.processes.children, on.exits, on.clock.armedCount], [[], [], 0]);
      }
    }
  });

  it("and kill end a start in any turn of it, also when the server has just said that it serves", async () => {
    for (const how of ["stop", "kill"] as const) {
      for (let turns = 0; turns < 12; turns += 1) {
        const on = serverStage();
        const started = on.child.start();
        for (let turn = 0; turn < turns; turn += 1) await undefined;

        const ended = how === "stop" ? on.child.stop() : on.child.kill();
        await on.clock.advance(10);
        await ended;
        await started;

        assert.deepEqual([on.processes.children, on.child.pid, on.clock.armedCount], [[], 0, 0], `${how} ${turns}`);
      }
    }
  });

  it("and kill do nothing where there is no life", async () => {
    const on = serverStage();

    on.child.kill();
    await on.child.stop();

    assert.deepEqual(await on.child.start(), ok());
  });
});

describe("server child: last words", () => {
  it("are so many lines of so many characters, whatever the server writes, and each line is told once", async () => {
    const on = serverStage();
    const long = "x".repeat(SERVER_LINE_LENGTH_MAX + 1);
    const lines = Array.from({ length: SERVER_LINES_MAX + 1 }, (_, index) => `line ${index}`);
    const said = `${lines.join("\n")}\n\n${long}\nbegun`;
    on.behave = saying(said);
    await on.child.start();
    await on.clock.settle();

    on.server().end({ code: 1, signal: undefined });
    await on.clock.advance(0);

    const [reason] = on.exits;
    assert(reason?.kind === "crashed" && reason.defect instanceof Error);
    const kept = [...lines.slice(3), long.slice(1), "begun"].join(" | ");
    const last = new LastLines(() => undefined);
    last.push(Buffer.from(said), "stderr");
    assert.equal(last.toString(), kept);
    assert.equal(reason.defect.message, `exit code 1: …${kept.slice(-LAST_WORDS_LENGTH_MAX)}`);
  });

  it("are put together from pieces, also where a character is cut, and not mixed with the other stream", async () => {
    const on = serverStage();
    const bytes = new TextEncoder().encode("größer\n");
    on.behave = (_self, { onOutput }) => {
      onOutput?.(bytes.subarray(0, 3), "stderr");
      onOutput?.(new TextEncoder().encode("other\n"), "stdout");
      onOutput?.(bytes.subarray(3), "stderr");
    };
    await on.child.start();
    await on.clock.settle();

    on.server().end({ code: 1, signal: undefined });
    await on.clock.advance(0);

    assert.deepEqual(on.exits.map(describeExit), ["exit code 1: other | größer"]);
  });
});
