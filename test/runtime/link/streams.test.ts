/** Byte sources across a link: in order, bounded by the window, and never left behind. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ByteSource, ENDED, FAILED, isByteSource } from "#runtime/byte-source.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { LINK_STREAM_WINDOW_BYTES } from "#runtime/link/limits.ts";
import { KiB, MiB, second } from "#runtime/units.ts";
import {
  dataPath,
  deferred,
  drain,
  FakeActor,
  PatternSource,
  patternAt,
  startWorld,
  type World,
} from "#test/runtime/link/kit.ts";

const within = { timeoutMs: 5 * second };

describe("link streams: a source in a request", () => {
  it("arrives whole, with its neighbours, whatever the sizes", async () => {
    for (const sizeBytes of [0, 1, 16 * KiB - 1, 16 * KiB, 16 * KiB + 1, 256 * KiB, 300 * KiB + 7, 2 * MiB + 3]) {
      for (const readBytesMax of [1000, Number.POSITIVE_INFINITY]) {
        const world = await startWorld({ seed: sizeBytes + 1 });
        world.store.handle = async (request) =>
          ok({ ...(await drain(sourceOf(request), 100_000)), note: noteOf(request) });
        const source = new PatternSource(sizeBytes, { readBytesMax });

        const answer = await patiently(world, world.ref.call("store", { source, note: "hi" }, within));

        assert.deepEqual(answer, ok({ bytes: sizeBytes, outcome: ENDED, failure: undefined, note: "hi" }));
        assert.deepEqual(source.cancels, []);
      }
    }
  });

  it("fails at the callee with the failure it had, after the bytes before it", async () => {
    const world = await startWorld();
    world.store.handle = async (request) => ok(await drain(sourceOf(request), 1000));

    const source = new PatternSource(MiB, { failsAt: 50_000, readBytesMax: 10_000 });
    const answer = await patiently(world, world.ref.call("store", { source }, within));

    assert.deepEqual(answer, ok({ bytes: 50_000, outcome: FAILED, failure: { code: "test.source-broke" } }));
  });

  it("is cancelled when the callee answers without reading it to its end", async () => {
    for (const result of [ok("enough"), fail({ code: "store.full" })]) {
      const world = await startWorld();
      world.store.handle = async (request) => {
        await sourceOf(request).read(new Uint8Array(10));
        return result;
      };
      const source = new PatternSource(64 * MiB);

      const answer = await patiently(world, world.ref.call("store", { source }, within));
      await world.clock.settle();

      assert.deepEqual(answer, result);
      assert.equal(source.cancels.length, 1);
      assert(source.readBytes <= LINK_STREAM_WINDOW_BYTES + 10);
    }
  });

  it("is cancelled by the callee with the callee's reason", async () => {
    const world = await startWorld();
    world.store.handle = async (request) => {
      sourceOf(request).cancel({ code: "store.not-wanted" });
      return new Promise(() => undefined);
    };
    const source = new PatternSource(64 * MiB);

    void world.ref.call("store", { source }, within);
    await world.clock.settle();

    assert.deepEqual(source.cancels, [{ code: "store.not-wanted" }]);
  });

  it("is not touched by a call that never left", async () => {
    const { ref, clock } = await startWorld({ listens: false });
    const source = new PatternSource(1000);

    const answer = ref.call("store", { source }, within);
    await clock.advance(2 * second);

    assert.deepEqual(await answer, fail({ code: "runtime.not-connected", actor: "store", executed: "no" }));
    assert.equal(source.readBytes, 0);
    assert.deepEqual(source.cancels, []);
  });
});

describe("link streams: a source in a reply", () => {
  it("arrives whole after the call is over, for as long as its consumer takes", async () => {
    const world = await startWorld();
    const source = new PatternSource(3 * MiB);
    world.store.handle = async () => ok({ sizeBytes: 3 * MiB, source });

    const answer = await patiently(world, world.ref.call("ask", {}, { timeoutMs: 50 }));
    await world.clock.advance(60 * second);
    const drained = await patiently(world, drain(sourceOf(valueIn(answer)), 200_000));

    assert.deepEqual(drained, { bytes: 3 * MiB, outcome: ENDED, failure: undefined });
  });

  it("is cancelled at the other side when its consumer gives up", async () => {
    const world = await startWorld();
    const source = new PatternSource(64 * MiB);
    world.store.handle = async () => ok({ source });
    const answer = await patiently(world, world.ref.call("ask", {}, within));
    const received = sourceOf(valueIn(answer));
    const into = new Uint8Array(10);

    assert.equal(await patiently(world, received.read(into)), 10);
    received.cancel({ code: "test.enough" });
    await world.clock.settle();

    assert.deepEqual(source.cancels, [{ code: "test.enough" }]);
    assert.equal(await received.read(into), FAILED);
    assert.deepEqual(received.failure, { code: "test.enough" });
    received.cancel({ code: "test.again" });
    assert.deepEqual(received.failure, { code: "test.enough" });
  });

  it("answers a read that waits when it is cancelled", async () => {
    const world = await startWorld();
    world.store.handle = async () => ok({ source: stuckSource() });
    const answer = await patiently(world, world.ref.call("ask", {}, within));
    const received = sourceOf(valueIn(answer));

    const waiting = received.read(new Uint8Array(10));
    received.cancel({ code: "test.enough" });

    assert.equal(await waiting, FAILED);
  });

  it("that comes too late is cancelled at the other side", async () => {
    const world = await startWorld();
    const source = new PatternSource(MiB);
    const late = deferred<Result<unknown, Failure>>();
    world.store.handle = () => late.promise;

    const answer = world.ref.call("ask", {}, { timeoutMs: 50 });
    await world.clock.advance(100);
    late.resolve(ok({ source }));
    await world.clock.settle();

    assert.equal((await answer).ok, false);
    assert.deepEqual(source.cancels, [{ code: "runtime.call-ended" }]);
  });
});

describe("link streams: the window", () => {
  it("is never exceeded by what was read and not consumed, and fills a large read from what is there (LNK-12)", async () => {
    const world = await startWorld();
    let consumed = 0;
    let outstandingMax = 0;
    const source = new PatternSource(4 * MiB, {
      onRead: (readBytes) => {
        outstandingMax = Math.max(outstandingMax, readBytes - consumed);
      },
    });
    world.store.handle = async () => ok({ source });
    const received = sourceOf(valueIn(await patiently(world, world.ref.call("ask", {}, within))));
    await world.clock.settle();
    assert.equal(source.readBytes, LINK_STREAM_WINDOW_BYTES, "a reader that does not read holds one window");

    const into = new Uint8Array(LINK_STREAM_WINDOW_BYTES);
    const first = await received.read(into);
    assert.equal(first, LINK_STREAM_WINDOW_BYTES);
    consumed += first;
    for (;;) {
      await world.clock.advance(10);
      const count = await received.read(into.subarray(0, 50_000));
      if (count === ENDED) break;
      consumed += count;
    }

    assert.equal(consumed, 4 * MiB);
    assert.equal(outstandingMax, LINK_STREAM_WINDOW_BYTES);
  });

  it("can be a single byte", async () => {
    const world = await startWorld({ dataLimits: { streamWindowBytes: 1 } });
    world.store.handle = async (request) => ok(await drain(sourceOf(request), 100));

    const answer = await patiently(world, world.ref.call("store", { source: new PatternSource(50) }, within));

    assert.deepEqual(answer, ok({ bytes: 50, outcome: ENDED, failure: undefined }));
  });

  it("of one stream does not hold up another, nor calls", async () => {
    const world = await startWorld();
    world.store.handle = async (request) => {
      if (request === "quick") return ok("answered");
      if (noteOf(request) === "stuck") return new Promise(() => undefined);
      return ok(await drain(sourceOf(request), 50_000));
    };

    void world.ref.call("store", { source: new PatternSource(64 * MiB), note: "stuck" }, within);
    await world.clock.settle();
    const moving = world.ref.call("store", { source: new PatternSource(2 * MiB) }, within);
    const quick = world.ref.call("ask", "quick", within);

    assert.deepEqual(await patiently(world, quick), ok("answered"));
    assert.deepEqual(await patiently(world, moving), ok({ bytes: 2 * MiB, outcome: ENDED, failure: undefined }));
  });
});

describe("link streams: fairness", () => {
  it("answers calls while 64 MiB pass, and none waits for more than its turns of data", async () => {
    const world = await startWorld();
    let streamed = 0;
    world.store.handle = async (request) => {
      if (!isRecord(request) || !isByteSource(request["source"])) return ok("pong");
      const into = new Uint8Array(256 * KiB);
      for (;;) {
        const count = await request["source"].read(into);
        if (count <= 0) return ok(streamed);
        streamed += count;
      }
    };
    const upload = world.ref.call("store", { source: new PatternSource(64 * MiB) }, within);
    for (let turn = 0; turn < 5; turn += 1) await world.clock.settle();

    const gaps: number[] = [];
    for (let ping = 0; ping < 20; ping += 1) {
      const before = streamed;
      assert(before > 0 && before < 64 * MiB, "the stream is under way");
      await patientlyByTurn(world.ref.call("ask", "ping", within));
      gaps.push(streamed - before);
    }
    const total = await patiently(world, upload);

    assert.deepEqual(total, ok(64 * MiB));
    assert(Math.max(...gaps) <= 4 * LINK_STREAM_WINDOW_BYTES, `a call waited for ${Math.max(...gaps)} bytes`);
  });

  it("gives streams turns, so that a short one passes a long one", async () => {
    const world = await startWorld();
    const finished: unknown[] = [];
    world.store.handle = async (request) => {
      await drain(sourceOf(request), 100_000);
      finished.push(noteOf(request));
      return ok();
    };

    const long = world.ref.call("store", { source: new PatternSource(8 * MiB), note: "long" }, within);
    await world.clock.settle();
    const short = world.ref.call("store", { source: new PatternSource(100 * KiB), note: "short" }, within);
    await patiently(world, Promise.all([long, short]));

    assert.deepEqual(finished, ["short", "long"]);
  });
});

describe("link streams: progress", () => {
  it("keeps a call alive as long as its stream moves, and no longer", async () => {
    const world = await startWorld();
    world.store.handle = async (request) => ok(await drain(sourceOf(request), 100_000));
    const steps: (() => void)[] = [];
    let given = 0;
    const slow: ByteSource = {
      failure: undefined,
      cancel: () => undefined,
      read: (into) =>
        new Promise((resolve) => {
          steps.push(() => {
            into[0] = patternAt(given);
            given += 1;
            resolve(1);
          });
        }),
    };

    const answer = world.ref.call("store", { source: slow }, { timeoutMs: 100 });
    let isSettled = false;
    void answer.then(() => {
      isSettled = true;
    });
    for (let step = 0; step < 10; step += 1) {
      await world.clock.advance(80);
      steps.shift()?.();
      await world.clock.settle();
    }
    assert.equal(isSettled, false, "800 ms have passed, but never 100 without a byte");
    await world.clock.advance(120);

    assert.deepEqual(await answer, fail({ code: "runtime.call-timeout", actor: "store", executed: "maybe" }));
    assert.equal(world.store.heard[0]?.options.within?.signal.aborted, true);
  });
});

describe("link streams: loss of the link", () => {
  it("cancels sources on the side that reads them and fails them on the other, both ways", async () => {
    const world = await startWorld();
    const upload = new PatternSource(64 * MiB);
    const download = new PatternSource(64 * MiB);
    const uploaded: Promise<unknown>[] = [];
    world.store.handle = async (request) => {
      if (!isRecord(request) || !isByteSource(request["source"])) return ok({ source: download });
      await request["source"].read(new Uint8Array(10));
      uploaded.push(readPast(request["source"]));
      return new Promise(() => undefined);
    };
    const call = world.ref.call("store", { source: upload }, within);
    const received = sourceOf(valueIn(await patiently(world, world.ref.call("ask", {}, within))));
    const downloading = readPast(received);

    world.network.cut(dataPath);
    await world.clock.settle();

    const lostAt = (actor: string): Failure => ({ code: "runtime.link-lost", actor, executed: "maybe" }) as Failure;
    assert.deepEqual(await call, fail(lostAt("store")));
    assert.deepEqual(await downloading, lostAt("data"));
    assert.deepEqual(await Promise.all(uploaded), [lostAt("gate")]);
    assert.equal(upload.cancels.length, 1);
    assert.deepEqual(download.cancels, [lostAt("gate")]);
  });

  it("cancels the source of a reply that was ready when the link went", async () => {
    const world = await startWorld();
    const source = new PatternSource(MiB);
    const late = deferred<Result<unknown, Failure>>();
    world.store.handle = () => late.promise;
    void world.ref.call("ask", {}, within);
    await world.clock.settle();

    world.network.cut(dataPath);
    await world.clock.settle();
    late.resolve(ok({ source }));
    await world.clock.settle();

    assert.equal(source.cancels.length, 1);
  });

  it("cancels the source of a reply that waits for a peer that does not read", async () => {
    const { ref, store, network, clock } = await startWorld();
    const source = new PatternSource(MiB);
    const answers = [deferred<Result<unknown, Failure>>(), deferred<Result<unknown, Failure>>()];
    store.handle = (request) => answers[Number(request)]?.promise ?? Promise.resolve(ok());
    void ref.call("ask", 0, within);
    void ref.call("ask", 1, within);
    await clock.settle();

    network.freeze(dataPath);
    answers[0]?.resolve(ok(new Uint8Array(300 * KiB)));
    await clock.settle();
    answers[1]?.resolve(ok({ source }));
    await clock.settle();
    assert.deepEqual(source.cancels, []);
    network.cut(dataPath);
    await clock.settle();

    assert.equal(source.cancels.length, 1);
    assert.equal(source.readBytes, 0);
  });

  it("does not take from a consumer what had arrived whole", async () => {
    const world = await startWorld();
    world.store.handle = async () => ok({ source: new PatternSource(100_000) });
    const received = sourceOf(valueIn(await patiently(world, world.ref.call("ask", {}, within))));
    await world.clock.settle();

    world.network.cut(dataPath);
    await world.clock.settle();

    assert.deepEqual(await drain(received, 30_000), { bytes: 100_000, outcome: ENDED, failure: undefined });
  });
});

describe("link streams: how many", () => {
  it("are bounded: one request more sees mailbox-full, one reply more unsendable, and room comes back", async () => {
    const world = await startWorld({ dataLimits: { streamsMax: 1 }, gateLimits: { streamsMax: 1 } });
    const { ref, store, clock } = world;
    const done = deferred<Result<unknown, Failure>>();
    const download = new PatternSource(MiB);
    const refused = new PatternSource(MiB);
    const sources = [download, refused];
    store.handle = async (request) =>
      isRecord(request) && "source" in request ? done.promise : ok({ source: sources.shift() });

    const upload = ref.call("store", { source: new PatternSource(64 * MiB) }, within);
    await clock.settle();
    const second = await patiently(world, ref.call("store", { source: new PatternSource(10) }, within));
    const first = await patiently(world, ref.call("ask", {}, within));
    const third = await patiently(world, ref.call("ask", {}, within));
    done.resolve(ok("done"));
    await patiently(world, upload);
    store.handle = async (request) => ok(await drain(sourceOf(request), 100));
    const fourth = await patiently(world, ref.call("store", { source: new PatternSource(10) }, within));

    assert.deepEqual(second, fail({ code: "runtime.mailbox-full", actor: "store", executed: "no" }));
    assert.equal(first.ok, true);
    assert.deepEqual(
      third,
      fail({ code: "runtime.unsendable", actor: "store", reason: "streams-exceeded", sizeBytes: 0, executed: "maybe" }),
    );
    assert.equal(refused.cancels.length, 1);
    assert.deepEqual(fourth, ok({ bytes: 10, outcome: ENDED, failure: undefined }));
  });
});

/** Lets the world turn until the promise is settled; gives up after a bounded number of turns. */
async function patiently<T>(world: World, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const watched = promise.finally(() => {
    isSettled = true;
  });
  for (let turn = 0; turn < 5000 && !isSettled; turn += 1) await world.clock.settle();
  assert(isSettled, "it settles");
  return watched;
}

/** The same in small steps, so that little else happens after it has settled. */
async function patientlyByTurn<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const watched = promise.finally(() => {
    isSettled = true;
  });
  for (let turn = 0; turn < 1_000_000 && !isSettled; turn += 1) await undefined;
  assert(isSettled, "it settles");
  return watched;
}

/** Reads until there is no more; answers with why. */
async function readPast(source: ByteSource): Promise<Failure | undefined> {
  const into = new Uint8Array(1000);
  for (;;) {
    if ((await source.read(into)) <= 0) return source.failure;
    await new FakeActor("pause").handle(undefined, within);
  }
}

function stuckSource(): ByteSource {
  return { failure: undefined, cancel: () => undefined, read: () => new Promise(() => undefined) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function sourceOf(value: unknown): ByteSource {
  assert(isRecord(value) && isByteSource(value["source"]), "it holds a source");
  return value["source"];
}

function noteOf(value: unknown): unknown {
  return isRecord(value) ? value["note"] : undefined;
}

function valueIn(result: Result<unknown, Failure>): unknown {
  assert(result.ok, "the call succeeds");
  return result.value;
}
