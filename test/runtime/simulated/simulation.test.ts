/** A simulation and the lives in it: what is a function of the seed, what ends with a life, what a crash leaves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { EventDigest, firstDifference, lineOf } from "#runtime/simulated/event-digest.ts";
import type { Life } from "#runtime/simulated/life.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** Three writers at once: who comes first is up to the seed. */
async function race(seed: number): Promise<{ readonly order: string; readonly digest: string }> {
  const simulation = new Simulation(seed);
  const { base } = simulation.begin();
  let order = "";
  const writers = ["a", "b", "c"].map(async (name) => {
    must(await base.disk.replaceFile(`/${name}`, bytesOf(name)), "writing");
    order += name;
  });
  base.clock.after(5, () => (order += "x"));
  base.clock.after(5, () => (order += "y"));
  await simulation.until(Promise.all(writers));
  await simulation.advance(10);
  return { order, digest: simulation.events.hex() };
}

describe("simulation: the seed", () => {
  it("decides who comes first, the same each time (SIM-1, SIM-3)", async () => {
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);
    const once: Awaited<ReturnType<typeof race>>[] = [];
    for (const seed of seeds) once.push(await race(seed));
    const again: typeof once = [];
    for (const seed of seeds) again.push(await race(seed));

    assert.deepEqual(again, once);
    const orders = new Set(once.map(({ order }) => order));
    assert(orders.size > 8, `of ${orders.size} orders`);
  });

  it("gives a scenario chance of its own: what it draws changes nothing for the processes", async () => {
    const drawn = async (count: number): Promise<string> => {
      const simulation = new Simulation(3);
      for (let index = 0; index < count; index += 1) simulation.random.below(9);
      return simulation.begin().base.random.id();
    };

    assert.equal(await drawn(5), await drawn(0));
  });
});

describe("simulation: what a read is told with", () => {
  it("is what was read, not what the rest of the memory held before: nothing, where it failed", async () => {
    const told = async (before: number): Promise<readonly string[]> => {
      const simulation = new Simulation(1);
      const { base } = simulation.begin();
      const run = async (): Promise<void> => {
        must(await base.disk.replaceFile("/a", bytesOf("abc")), "writing");
        const descriptor = must(await base.disk.open("/a", "read"), "opening");
        const into = new Uint8Array(8).fill(before);
        must(await base.disk.read(descriptor, into, 0), "reading");
        simulation.disk.failNext("read", "EIO");
        await base.disk.read(descriptor, into.fill(before), 0);
      };
      await simulation.until(run());
      return simulation.events.lines.filter((line) => line.includes("disk read"));
    };

    assert.equal((await told(1)).length, 2);
    assert.deepEqual(await told(1), await told(2));
  });
});

describe("simulation: until", () => {
  it("moves time from timer to timer, and no further than is needed", async () => {
    const simulation = new Simulation(1);
    const { clock } = simulation.begin().base;
    clock.after(60_000, () => assert.fail("was not waited for"));

    const given = await simulation.until(new Promise((resolve) => void clock.after(1500, () => resolve("given"))));

    assert.equal(given, "given");
    assert(simulation.clock.nowMs() >= 1500 && simulation.clock.nowMs() < 1502);
  });

  it("waits for awaits of any length without time passing", async () => {
    const simulation = new Simulation(1);
    const long = async (): Promise<string> => {
      for (let turn = 0; turn < 20_000; turn += 1) await undefined;
      return "there";
    };

    assert.equal(await simulation.until(long()), "there");
    assert.equal(simulation.clock.nowMs(), 0);
  });

  it("is a defect where nothing is left that could bring it, and where it takes too long (SIM-8)", async () => {
    const simulation = new Simulation(1);
    const never = new Promise<never>(() => undefined);

    await assert.rejects(simulation.until(never), /nothing is left that could bring it/);
    simulation.clock.after(2001, () => undefined);
    await assert.rejects(simulation.until(never, 2000), /comes within 2000 simulated ms/);
  });

  it("rejects with what is waited for", async () => {
    const simulation = new Simulation(1);

    await assert.rejects(simulation.until(Promise.reject(new RangeError("its own"))), /its own/);
  });
});

describe("simulation: stepCount", () => {
  it("counts turns that run and timers that fall due, and neither promise turns nor what a life has left behind", async () => {
    const simulation = new Simulation(1);
    const life = simulation.begin();
    const { scheduler, clock } = life.base;
    scheduler.microtask(() => undefined);
    scheduler.macrotask(() => undefined);
    clock.after(5, () => undefined);
    clock.after(5000, () => undefined);
    for (let turn = 0; turn < 10; turn += 1) await undefined;
    await simulation.advance(10);
    assert.equal(simulation.stepCount, 3);

    scheduler.macrotask(() => undefined);
    life.end();
    await simulation.advance(5000);

    assert.equal(simulation.stepCount, 3);
  });
});

describe("simulation: the end of a life", () => {
  /** Everything that a life can have under way. */
  async function underWay(act: (life: Life, note: (what: string) => void) => void): Promise<readonly string[]> {
    const simulation = new Simulation(2);
    const life = simulation.begin();
    const noted: string[] = [];
    act(life, (what) => noted.push(what));
    life.end();
    await life.ended;
    await simulation.advance(60_000);
    assert.equal(simulation.clock.armedCount, 0);
    return noted;
  }

  it("is the end of its timers, its turns, its operations and its word (SIM-2)", async () => {
    const noted = await underWay((life, note) => {
      const { clock, scheduler, disk, network } = life.base;
      clock.after(5, () => note("timer"));
      scheduler.microtask(() => note("microtask"));
      scheduler.macrotask(() => note("macrotask"));
      void disk.replaceFile("/file", bytesOf("x")).then(() => note("disk"));
      void life.kv.open("/store", { mapBytesMax: 1 }).then(() => note("store"));
      const events = { onBytes: () => note("bytes"), onDrain: () => undefined, onClose: () => note("close") };
      void network.listen({ path: "/socket" }, () => events);
      void network.connect({ path: "/socket" }, events).then((connected) => {
        if (connected.ok) connected.value.write([bytesOf("hello")]);
      });
    });

    assert.deepEqual(noted, []);
  });

  it("lets nothing begin after it", async () => {
    const simulation = new Simulation(2);
    const life = simulation.begin();
    life.end();
    life.end();
    const before = simulation.events.count;

    life.base.clock.after(5, () => assert.fail("a timer ran"));
    life.base.scheduler.microtask(() => assert.fail("a turn ran"));
    void life.base.disk.replaceFile("/file", bytesOf("x")).then(() => assert.fail("an operation ended"));
    life.log({}).error("heard");
    life.tell("heard");
    await simulation.advance(1000);

    assert.deepEqual([life.isOver, simulation.events.count - before], [true, 0]);
    assert.equal((await simulation.disk.readFile("/file")).ok, false);
  });

  it("comes before any operation of the disk that is asked for: that one is not done (SIM-3)", async () => {
    for (let last = 1; last <= 4; last += 1) {
      const simulation = new Simulation(last);
      const operations = new Set<string>();
      const life = simulation.begin({
        beforeOperation: (number, own, operation) => {
          operations.add(operation);
          if (number === last) own.end();
        },
      });
      const working = (async () => {
        for (let number = 1; number <= 4; number += 1) await life.base.disk.replaceFile(`/${number}`, bytesOf("x"));
      })();
      await simulation.until(Promise.race([working, life.ended]));
      await simulation.crash({ power: false });

      const names = must(await simulation.disk.list("/"), "listing").map(({ name }) => name);
      assert.deepEqual([life.operationCount, names], [last, ["1", "2", "3", "4"].slice(0, last - 1)]);
      assert.deepEqual([...operations], ["replaceFile"]);
    }
  });
});

describe("simulation: a life that is stalled", () => {
  it("does nothing for so long, and then all of it, in the order in which it fell due", async () => {
    const simulation = new Simulation(3);
    const life = simulation.begin();
    const { clock, scheduler, disk } = life.base;
    const done: (readonly [string, number])[] = [];
    const note = (what: string) => (): void => void done.push([what, Math.floor(simulation.clock.nowMs())]);
    clock.after(10, note("before"));
    for (const atMs of [150, 250, 400]) clock.after(atMs, note(`timer ${atMs}`));
    clock.after(300, () => assert.fail("it was cancelled")).cancel();

    await simulation.advance(100);
    life.stall(200);
    scheduler.microtask(note("turn"));
    void disk.makeDirectory("/made").then(note("operation"));
    await simulation.advance(150);
    const during = [...done];
    life.stall(100);
    const leftMs = life.stalledMs;
    await simulation.advance(1000);

    assert.deepEqual(during, [["before", 10]]);
    assert.equal(leftMs, 100);
    assert.deepEqual(
      done.slice(1).filter(([what]) => what.startsWith("timer")),
      [
        ["timer 150", 350],
        ["timer 250", 350],
        ["timer 400", 400],
      ],
    );
    assert.deepEqual(done.map(([what]) => what).sort(), [
      "before",
      "operation",
      "timer 150",
      "timer 250",
      "timer 400",
      "turn",
    ]);
    // Two timers, the turn, and the operation, which came to its turn then.
    assert.equal(life.heldCount, 4);
  });

  it("runs nothing afterwards where it has ended meanwhile", async () => {
    const simulation = new Simulation(4);
    const life = simulation.begin();
    life.base.clock.after(10, () => assert.fail("a timer ran"));
    life.stall(50);
    life.base.scheduler.macrotask(() => assert.fail("a turn ran"));
    await simulation.advance(20);

    life.end();
    await simulation.advance(1000);
  });
});

describe("simulation: a crash", () => {
  async function afterCrash(seed: number, power: boolean): Promise<string> {
    const simulation = new Simulation(seed);
    const { disk } = simulation.begin().base;
    const writing = (async () => {
      const opened = must(await disk.open("/file", "create-new"), "opening");
      must(await disk.syncDirectory("/"), "syncing the name");
      must(await disk.write(opened, [new Uint8Array(2048).fill(1)], 0), "writing");
    })();
    await simulation.until(writing);
    await simulation.crash({ power });
    const read = await simulation.disk.readFile("/file");
    return read.ok ? Buffer.from(read.value).toString("hex") : read.failure.code;
  }

  it("of processes alone keeps what the machine had in its cache", async () => {
    for (let seed = 1; seed < 20; seed += 1) assert.equal(await afterCrash(seed, false), "01".repeat(2048));
  });

  it("of the power keeps, loses or tears what was not synced, by the seed (SIM-4)", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed < 200; seed += 1) {
      const outcome = await afterCrash(seed, true);
      assert.equal(await afterCrash(seed, true), outcome);
      outcomes.add(outcome);
    }

    assert(outcomes.has("") && outcomes.has("01".repeat(2048)), "lost, and kept");
    assert(outcomes.size > 3, "torn");
  });
});

describe("event digest", () => {
  it("is one for the same events, and another for any other order, time or detail", () => {
    const digestOf = (...events: readonly (readonly [number, string, unknown])[]): string => {
      const digest = new EventDigest();
      for (const [atMs, kind, detail] of events) digest.add(atMs, kind, detail);
      return digest.hex();
    };
    const one = digestOf([1, "a", { x: 1 }], [2, "b", undefined]);

    assert.equal(digestOf([1, "a", { x: 1 }], [2, "b", undefined]), one);
    for (const other of [
      digestOf([2, "b", undefined], [1, "a", { x: 1 }]),
      digestOf([1, "a", { x: 1 }], [3, "b", undefined]),
      digestOf([1, "a", { x: 2 }], [2, "b", undefined]),
      digestOf([1, "a", { x: 1 }]),
    ]) {
      assert.notEqual(other, one);
    }
  });

  it("tells bytes by their checksum, errors by their message, and what JSON has no word for", () => {
    const told = lineOf({
      bytes: bytesOf("abc"),
      error: new RangeError("no"),
      big: 3n,
      nothing: null,
      list: [() => 1],
    });

    const expected =
      '{"bytes":"3 bytes 352441c2","error":"RangeError: no","big":"3n","nothing":null,"list":["function"]}';
    assert.equal(told, expected);
  });

  it("shows where two runs part", () => {
    const [one, other] = [new EventDigest(), new EventDigest()];
    for (const digest of [one, other]) digest.add(1, "same");
    one.add(2, "left");
    other.add(2, "right");
    one.add(3, "more");

    assert.equal(firstDifference(one, other), "  1 same\n- 2 left\n+ 2 right");
  });
});
