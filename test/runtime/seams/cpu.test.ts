/** Both CPU pools under one suite, then what only threads can do: die, hang, be few. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { describe, type TestContext, test } from "node:test";
import { describeExit, type ExitReason, must, type Result } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import type { Cpu, CpuLives, PoolFailure } from "#runtime/pool/cpu.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealCpu, type RealCpuOptions } from "#runtime/real/cpu.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { dawdles, dies, hangs, marks, throws } from "#test/runtime/seams/broken-worker.ts";
import { cpuSuite, forever } from "#test/runtime/seams/cpu-suite.ts";

cpuSuite("real", async (context) => {
  const cpu = createRealCpu({ clock: realClock, threads: 2 });
  context.after(() => cpu.close());
  const directory = await tempDirectory(context);
  return {
    cpu,
    nowMs: () => realClock.nowMs(),
    fileOf: async (contents) => {
      await writeFile(`${directory}/file`, contents);
      return `${directory}/file`;
    },
  };
});

cpuSuite("inline", async () => {
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  return {
    cpu: inlineCpu({ clock, disk }),
    nowMs: () => clock.nowMs(),
    fileOf: async (contents) => {
      must(await disk.replaceFile("/file", contents), "writing");
      return "/file";
    },
  };
});

describe("cpu (real): threads", { timeout: 60_000 }, () => {
  function brokenPool(context: TestContext, options: Partial<RealCpuOptions> = {}): Cpu {
    const workerFile = new URL("./broken-worker.ts", import.meta.url);
    const cpu = createRealCpu({ clock: realClock, threads: 1, workerFile, ...options });
    context.after(() => cpu.close());
    return cpu;
  }
  const ask = (cpu: Cpu, what: number, within = forever): Promise<Result<Uint8Array>> =>
    cpu.run("digest", { bytes: new Uint8Array([what, 9]) }, within);
  const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);

  test("a task whose thread dies or throws is pool.crashed, and the next one runs", async (context) => {
    const cpu = brokenPool(context);

    for (const what of [dies, throws, dies]) {
      assert.equal(codeOf(await ask(cpu, what)), "pool.crashed");
      assert.deepEqual(must(await ask(cpu, 0), "digesting"), digestOf(new Uint8Array([0, 9])));
    }
  });

  test("a worker file that cannot be loaded fails every task and hangs none", async (context) => {
    const cpu = brokenPool(context, { workerFile: new URL("./none.ts", import.meta.url) });

    for (let round = 0; round < 3; round += 1) assert.equal(codeOf(await ask(cpu, 0)), "pool.crashed");
  });

  test("a hung task is given up after hangMs with its pool, and the next one runs", async (context) => {
    const cpu = brokenPool(context, { hangMs: 1500 });
    must(await ask(cpu, 0), "starting the thread");

    // A pending timer keeps nothing alive, and a hung thread of the pool does not either.
    const alive = setInterval(() => undefined, 1000);
    const hung = await ask(cpu, hangs);
    clearInterval(alive);

    assert.deepEqual(hung, {
      ok: false,
      failure: { code: "pool.crashed", cause: "a task did not end within 1500 ms", executed: "maybe" },
    });
    assert.equal(codeOf(await ask(cpu, 0)), "ok");
  });

  test("a task a thread is let in, the line behind it is bounded and can be left", async (context) => {
    const cpu = brokenPool(context, { waitingMax: 2 });
    const leaving = new AbortController();

    const letIn = ask(cpu, dawdles);
    const waiting = [ask(cpu, 0), ask(cpu, 0, { ...forever, signal: leaving.signal })];
    assert.deepEqual(await ask(cpu, 0), { ok: false, failure: { code: "pool.full", waitingMax: 2 } });
    leaving.abort();
    const late = ask(cpu, 0, { ...forever, deadlineMs: realClock.nowMs() + 20 });

    assert.deepEqual((await Promise.all([letIn, ...waiting, late])).map(codeOf), [
      "ok",
      "ok",
      "pool.expired",
      "pool.expired",
    ]);
  });

  test("a task that waits never runs once its deadline has passed or its caller is gone", async (context) => {
    const cpu = brokenPool(context);
    const leaving = new AbortController();
    const marked = (within: Within): { bytes: Uint8Array; answer: Promise<Result<Uint8Array>> } => {
      const bytes = new Uint8Array(new SharedArrayBuffer(2));
      bytes[0] = marks;
      return { bytes, answer: cpu.run("digest", { bytes }, within) };
    };

    const first = ask(cpu, dawdles);
    const expiring = marked({ ...forever, deadlineMs: realClock.nowMs() + 20 });
    const abandoned = marked({ ...forever, signal: leaving.signal });
    const last = marked(forever);
    leaving.abort();
    const answers = await Promise.all([first, expiring.answer, abandoned.answer, last.answer]);

    assert.deepEqual(answers.map(codeOf), ["ok", "pool.expired", "pool.expired", "ok"]);
    assert.deepEqual(
      [expiring, abandoned, last].map(({ bytes }) => bytes[1]),
      [0, 0, 1],
    );
  });

  test("a running task is not cut short by its caller or its deadline", async (context) => {
    const cpu = brokenPool(context);
    const leaving = new AbortController();

    const running = ask(cpu, dawdles, { signal: leaving.signal, deadlineMs: realClock.nowMs() + 20 });
    await undefined;
    leaving.abort();

    assert.equal(codeOf(await running), "ok");
  });

  test("after close nothing is let in, and who waited is sent away", async (context) => {
    const cpu = brokenPool(context);
    const tasks = [ask(cpu, dawdles), ask(cpu, 0)];
    // Who was let in a moment ago and has not begun is sent away too: give it the turn to begin.
    await undefined;
    await undefined;

    await cpu.close();

    assert.deepEqual((await Promise.all([...tasks, ask(cpu, 0)])).map(codeOf), ["ok", "pool.expired", "pool.expired"]);
  });

  test("no thread starts before the first task, and idle threads do not keep the process alive", () => {
    const script = `
      import { createRealCpu } from "#runtime/real/cpu.ts";
      import { realClock } from "#runtime/real/clock.ts";
      const threads = () => process.report.getReport().workers.length;
      const cpu = createRealCpu({ clock: realClock, threads: 2 });
      const before = threads();
      await cpu.run("digest", { bytes: new Uint8Array(1) }, { deadlineMs: Infinity, signal: new AbortController().signal });
      // The thread that answers may be ahead of the other one.
      while (threads() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(before, threads());
    `;

    const { stdout, status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 20_000,
    });

    assert.deepEqual({ stdout, status, stderr }, { stdout: "0 2\n", status: 0, stderr: "" });
  });
});

describe("cpu (real): lives of the threads", { timeout: 60_000 }, () => {
  interface Watched {
    readonly cpu: Cpu;
    readonly lives: CpuLives;
    readonly exits: ExitReason[];
    ask(what: number, within?: Within): Promise<string>;
  }

  function watched(context: TestContext, options: Partial<RealCpuOptions> = {}): Watched {
    const workerFile = new URL("./broken-worker.ts", import.meta.url);
    const cpu = createRealCpu({ clock: realClock, threads: 1, workerFile, ...options });
    context.after(() => cpu.close());
    // A hung thread of the pool does not keep the process alive.
    const alive = setInterval(() => undefined, 1000);
    context.after(() => clearInterval(alive));
    const { lives } = cpu;
    assert(lives !== undefined, "it has threads");
    const exits: ExitReason[] = [];
    lives.onExit((reason) => exits.push(reason));
    const ask = async (what: number, within = forever): Promise<string> => {
      const result: Result<Uint8Array, PoolFailure> = await cpu.run(
        "digest",
        { bytes: new Uint8Array([what]) },
        within,
      );
      if (result.ok) return "ok";
      return "executed" in result.failure ? `${result.failure.code} ${result.failure.executed}` : result.failure.code;
    };
    return { cpu, lives, exits, ask };
  }

  test("a thread that dies is one exit, and tasks wait until the next life begins", async (context) => {
    const { lives, exits, ask } = watched(context);

    assert.equal(await ask(dies), "pool.crashed maybe");
    assert.deepEqual(
      exits.map(({ kind }) => kind),
      ["crashed"],
    );
    const late = ask(0, { ...forever, deadlineMs: realClock.nowMs() + 20 });
    const patient = ask(0);
    assert.equal(await late, "pool.expired no");

    lives.start();
    assert.equal(await patient, "ok");
    assert.equal(exits.length, 1);
  });

  test("a thread that hangs is an exit", async (context) => {
    const { lives, exits, ask } = watched(context, { hangMs: 1000 });

    assert.equal(await ask(hangs), "pool.crashed maybe");
    assert.deepEqual(exits.map(describeExit), ["a task did not end within 1000 ms"]);
    lives.start();
    assert.equal(await ask(0), "ok");
  });

  test("what is lost of an earlier life is no exit of the next one", async (context) => {
    const { lives, exits, ask } = watched(context, { threads: 2, hangMs: 1000 });
    const hung = ask(hangs);
    assert.equal(await ask(dies), "pool.crashed maybe");
    lives.start();

    assert.equal(await ask(0), "ok");
    assert.equal(await hung, "pool.crashed maybe");
    assert.equal(exits.length, 1);
  });

  test("who was let in when the threads were lost, and had not begun, goes back to the line", async (context) => {
    const { lives, ask } = watched(context);

    const early = ask(0, { ...forever, deadlineMs: realClock.nowMs() + 50 });
    lives.kill();

    assert.equal(await early, "pool.expired no");
  });

  test("kill gives up what runs, and is an exit, also before there is a thread", async (context) => {
    const { lives, exits, ask } = watched(context);
    lives.kill();
    assert.deepEqual(exits, [{ kind: "killed", afterMs: 0 }]);
    lives.start();
    assert.equal(await ask(0), "ok");

    const running = ask(hangs);
    await undefined;
    await undefined;
    lives.kill();
    lives.kill();

    assert.equal(await running, "pool.crashed maybe");
    assert.equal(exits.length, 2);
  });

  test("refuse sends away who waits and who comes, until the next life", async (context) => {
    const { lives, ask } = watched(context);
    assert.equal(await ask(dies), "pool.crashed maybe");
    const waiting = ask(0);

    lives.refuse();

    assert.deepEqual(await Promise.all([waiting, ask(0)]), ["pool.down no", "pool.down no"]);
    lives.start();
    assert.equal(await ask(0), "ok");
  });

  test("stop lets what runs end, and is no exit; past its deadline kill helps", async (context) => {
    const { lives, exits, ask } = watched(context);
    const running = ask(dawdles);
    await undefined;
    await undefined;
    await lives.stop();
    assert.deepEqual([await running, await ask(0)], ["ok", "pool.down no"]);

    lives.start();
    const hung = ask(hangs);
    await undefined;
    await undefined;
    const stopped = lives.stop();
    lives.kill();
    await stopped;

    assert.equal(await hung, "pool.crashed maybe");
    assert.deepEqual(exits, []);
  });
});
