/** What a link does about peers that are not what they should be: strangers, liars, the silent and the deaf. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fail, ok } from "#runtime/errors.ts";
import { encode } from "#runtime/link/body.ts";
import { FLAG, KIND, KIND_MAX } from "#runtime/link/frame.ts";
import { FrameDecoder } from "#runtime/link/frame-decoder.ts";
import { FrameWriter } from "#runtime/link/frame-writer.ts";
import { packHello } from "#runtime/link/hello.ts";
import {
  LINK_FRAME_BYTES_MAX,
  LINK_HELLO_TIMEOUT_MS,
  LINK_LIMITS,
  LINK_MESSAGE_CREDIT,
  LINK_STREAM_WINDOW_BYTES,
  LINKS_INBOUND_MAX,
} from "#runtime/link/limits.ts";
import type { Connection } from "#runtime/network/network.ts";
import { KiB, second } from "#runtime/units.ts";
import { dataPath, startWorld, type World, type WorldOptions } from "#test/runtime/link/kit.ts";

const within = { timeoutMs: 5 * second };

describe("link: hello", () => {
  it("refuses a cell of another build, says why on both sides, and keeps refusing (LNK-9)", async () => {
    const { ref, clock, gateLog, dataLog, store, ends } = await startWorld({ gateBuild: "build-2" });

    const answer = ref.call("ask", {}, within);
    await clock.advance(2 * second);

    assert.deepEqual(await answer, fail({ code: "runtime.not-connected", actor: "store", executed: "no" }));
    assert.equal(store.heard.length, 0);
    const refusals = [...gateLog.lines, ...dataLog.lines].filter(({ event }) => event === "link-refused");
    const codes = new Set(refusals.map(({ fields }) => (fields?.["failure"] as { code?: string } | undefined)?.code));
    assert.deepEqual(codes, new Set(["supervisor.build-changed"]));
    assert((ends()["build-changed"] ?? 0) >= 2);
  });

  it("tells the builds apart even when the rest of the hello is not understood", async () => {
    const world = await startWorld();
    const stranger = await Stranger.connect(world);

    stranger.frame(KIND.hello, 0, 0, 0, encode(["cepa-link", "gate", "build-9", "data", "and", "more"]));
    await world.clock.settle();

    assert.equal(stranger.isClosed, true);
    assert.equal(world.ends()["build-changed"], 1);
  });

  it("refuses a cell that looks for another one (LNK-9)", async () => {
    const world = await startWorld();
    const stranger = await Stranger.connect(world);

    stranger.hello({ to: "ops" });
    await world.clock.settle();

    assert.equal(stranger.isClosed, true);
    assert.equal(world.ends()["wrong-cell"], 1);
  });

  it("gives up on a peer that says nothing, at the limit and not before", async () => {
    const world = await startWorld();
    const stranger = await Stranger.connect(world);

    await world.clock.advance(LINK_HELLO_TIMEOUT_MS - 1);
    assert.equal(stranger.isClosed, false);
    await world.clock.advance(1);

    assert.equal(stranger.isClosed, true);
    assert.equal(world.ends()["hello-timeout"], 1);
  });

  it("takes so many links and no more", async () => {
    const world = await startWorld({ listens: false });
    await world.startData();
    const strangers: Stranger[] = [];
    for (let index = 0; index <= LINKS_INBOUND_MAX; index += 1) strangers.push(await Stranger.connect(world));
    for (let turn = 0; turn < 20; turn += 1) await world.clock.settle();

    const closed = strangers.map(({ isClosed }) => isClosed);

    assert.deepEqual(closed, [...new Array<boolean>(LINKS_INBOUND_MAX).fill(false), true]);
  });
});

describe("link: rules", () => {
  const request = (index: number): Uint8Array | undefined => encode(["store", "ask", index]);
  const cases: readonly {
    readonly rule: string;
    readonly reason: string;
    readonly options?: WorldOptions;
    readonly breaks: (stranger: Stranger) => void;
  }[] = [
    { rule: "a frame before hello", reason: "hello-expected", breaks: (s) => s.frame(KIND.ping, 0, 0, 0) },
    {
      rule: "data before hello",
      reason: "hello-expected",
      breaks: (s) => s.frame(KIND.data, 0, 1, 0, new Uint8Array(9)),
    },
    {
      rule: "a hello that is none",
      reason: "hello-expected",
      breaks: (s) => s.frame(KIND.hello, 0, 0, 0, encode([1])),
    },
    {
      rule: "a second hello",
      reason: "frame-malformed",
      breaks: (s) => {
        s.hello();
        s.hello();
      },
    },
    { rule: "a frame of no kind", reason: "frame-malformed", breaks: (s) => s.greeted().frame(99, 0, 0, 0) },
    {
      rule: "a frame for the other side",
      reason: "frame-malformed",
      breaks: (s) => s.greeted().frame(KIND.reply, 0, 1, 0),
    },
    {
      rule: "a frame past the limit",
      reason: "frame-too-large",
      breaks: (s) => s.greeted().header(KIND.request, LINK_FRAME_BYTES_MAX + 1),
    },
    {
      rule: "a request that is none",
      reason: "body-malformed",
      breaks: (s) => s.greeted().frame(KIND.request, 0, 1, 1),
    },
    {
      rule: "a request whose patches lie",
      reason: "body-malformed",
      breaks: (s) => s.greeted().frame(KIND.request, FLAG.patched, 1, 1, new Uint8Array([0xff, 0xff, 0xff, 0xff, 1])),
    },
    {
      rule: "one request more than credit",
      reason: "credit-exceeded",
      options: { dataLimits: { messageCredit: 2 } },
      breaks: (s) => {
        s.greeted();
        for (const index of [1, 2, 3]) s.frame(KIND.request, 0, index, 1000, request(index));
      },
    },
    {
      rule: "one byte more than the window",
      reason: "window-exceeded",
      breaks: (s) => {
        s.greeted().stream(1);
        for (let sent = 0; sent < LINK_STREAM_WINDOW_BYTES; sent += 64 * KiB) {
          s.frame(KIND.data, 0, 1, 0, new Uint8Array(64 * KiB));
        }
        s.frame(KIND.data, 0, 1, 0, new Uint8Array(1));
      },
    },
    {
      rule: "one stream more than allowed",
      reason: "streams-exceeded",
      options: { dataLimits: { streamsMax: 1 } },
      breaks: (s) => s.greeted().stream(1).stream(2),
    },
    {
      rule: "a monitor of no name",
      reason: "body-malformed",
      breaks: (s) => s.greeted().frame(KIND.monitor, 0, 1, 0, encode(7)),
    },
    { rule: "a stop without a reason", reason: "body-malformed", breaks: (s) => s.greeted().frame(KIND.stop, 0, 1, 0) },
  ];

  for (const { rule, reason, options, breaks } of cases) {
    it(`ends for ${rule}: ${reason}`, async () => {
      const world = await startWorld(options);
      world.store.handle = () => new Promise(() => undefined);
      const stranger = await Stranger.connect(world);

      breaks(stranger);
      for (let turn = 0; turn < 5; turn += 1) await world.clock.settle();

      assert.equal(stranger.isClosed, true);
      assert.deepEqual(world.ends(), { [reason]: 1 });
    });
  }

  it("are kept at the limit: full credit and a full window do no harm", async () => {
    const world = await startWorld({ dataLimits: { messageCredit: 2, streamsMax: 1 } });
    world.store.handle = () => new Promise(() => undefined);
    const stranger = await Stranger.connect(world);

    stranger.greeted().stream(1).frame(KIND.request, 0, 2, 1000, request(2));
    for (let sent = 0; sent < LINK_STREAM_WINDOW_BYTES; sent += 64 * KiB) {
      stranger.frame(KIND.data, 0, 1, 0, new Uint8Array(64 * KiB));
    }
    stranger.frame(KIND.data, 0, 77, 0, new Uint8Array(100));
    stranger.frame(KIND.cancel, 0, 99, 0);
    for (let turn = 0; turn < 5; turn += 1) await world.clock.settle();

    assert.equal(stranger.isClosed, false);
    assert.deepEqual(world.ends(), {});
  });

  it("hold against any bytes: the link ends or goes on, and the cell serves others (LNK-10)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.integer({ min: 1, max: KIND_MAX }),
            fc.integer({ min: 0, max: 127 }),
            fc.integer({ min: 0, max: 4 }),
            fc.uint8Array({ maxLength: 60, size: "max" }),
          ),
          { maxLength: 10 },
        ),
        async (frames) => {
          const world = await startWorld();
          const stranger = await Stranger.connect(world);
          stranger.greeted().stream(1);
          for (const [kind, flags, id, body] of frames) stranger.frame(kind, flags, id, 3, body);
          await world.clock.settle();

          const answer = world.ref.call("ask", "still here", within);
          await world.clock.settle();

          assert.deepEqual(await answer, ok("still here"));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("link: a peer that does not read", () => {
  it("holds no more than its credit, and what is wanted again after giving up is refused, not queued", async () => {
    const { ref, network, clock } = await startWorld({ dataLimits: { messageCredit: 4 } });
    await clock.settle();
    network.freeze(dataPath);

    const outcomes = new Map<string, number>();
    for (let round = 0; round < 50; round += 1) {
      const calls = Array.from({ length: 10 }, () => ref.call("ask", new Uint8Array(300 * KiB), { timeoutMs: 20 }));
      await clock.advance(40);
      for (const answer of await Promise.all(calls)) {
        assert(!answer.ok, "nothing is answered");
        outcomes.set(answer.failure.code, (outcomes.get(answer.failure.code) ?? 0) + 1);
      }
    }

    // One burst left; its credit is gone until the peer reads. All others wait in vain or are refused.
    assert.equal(outcomes.get("runtime.call-timeout"), 1);
    assert.equal(outcomes.get("runtime.expired"), 3 * 50);
    assert.equal(outcomes.get("runtime.mailbox-full"), 500 - 1 - 150);
    assert(LINK_MESSAGE_CREDIT >= 4, "the default is larger");
  });
});

describe("link: a cell that answers what it was not asked", () => {
  const reply = (id: number, value: string): Uint8Array => {
    const body = encode(value) ?? new Uint8Array(0);
    const writer = new FrameWriter();
    writer.begin(KIND.reply, FLAG.ok, id, 0, body.byteLength);
    writer.append(body);
    return Buffer.concat(writer.take());
  };
  /** It says hello, then does with each request what `onRequest` does. */
  const pretend = async (world: World, onRequest: (id: number, connection: Connection) => void): Promise<void> => {
    const listening = await world.network.listen({ path: dataPath }, (connection) => {
      const hello = packHello({ cell: "data", buildId: "build-1", to: "", limits: LINK_LIMITS });
      const writer = new FrameWriter();
      writer.begin(KIND.hello, 0, 0, 0, hello?.byteLength ?? 0);
      writer.append(hello ?? new Uint8Array(0));
      connection.write(writer.take());
      const decoder = new FrameDecoder({
        onFrame: ({ kind, id }) => {
          if (kind === KIND.request) onRequest(id, connection);
        },
        onData: () => undefined,
      });
      return { onBytes: (bytes) => decoder.push(bytes), onDrain: () => undefined, onClose: () => undefined };
    });
    assert(listening.ok, "the simulated network listens");
  };

  it("is not believed: a second reply is no answer to the call that took the first one's place, and ends the link (LNK-6)", async () => {
    const world = await startWorld({ listens: false });
    const ids: number[] = [];
    await pretend(world, (id, connection) => {
      ids.push(id);
      connection.write([reply(ids[0] ?? 0, "first")]);
    });

    const first = world.ref.call("ask", 1, within);
    await world.clock.advance(1 * second);
    const next = world.ref.call("ask", 2, within);
    await world.clock.settle();

    assert.deepEqual(await first, ok("first"));
    assert.deepEqual(await next, fail({ code: "runtime.link-lost", actor: "store", executed: "maybe" }));
    assert.equal(world.ends()["reply-unexpected"], 1);
  });

  it("is heard in any order, and late: each reply finds its call, and no other (LNK-6)", async () => {
    const world = await startWorld({ listens: false });
    const asked: { id: number; connection: Connection }[] = [];
    await pretend(world, (id, connection) => asked.push({ id, connection }));

    const calls = [0, 1, 2].map((index) => world.ref.call("ask", index, { timeoutMs: index === 1 ? 100 : 5000 }));
    await world.clock.advance(500);
    for (const index of [2, 1, 0]) {
      const { id, connection } = asked[index] ?? assert.fail("it was asked");
      connection.write([reply(id, `answer ${index}`)]);
    }
    await world.clock.settle();

    assert.deepEqual(await Promise.all(calls), [
      ok("answer 0"),
      fail({ code: "runtime.call-timeout", actor: "store", executed: "maybe" }),
      ok("answer 2"),
    ]);
    assert.equal(world.gate.isConnected("data"), true);
  });

  it("has nothing to say for the one before it: what that was asked is lost, not answered by its successor (LNK-6)", async () => {
    const world = await startWorld({ listens: false });
    const asked: { id: number; connection: Connection }[] = [];
    await pretend(world, (id, connection) => asked.push({ id, connection }));

    const before = world.ref.call("ask", "before", within);
    await world.clock.advance(500);
    world.network.cut(dataPath);
    await world.clock.settle();
    world.network.heal(dataPath);
    await world.clock.advance(500);
    const after = world.ref.call("ask", "after", within);
    await world.clock.settle();
    asked[1]?.connection.write([reply(asked[1].id, "answer")]);
    await world.clock.settle();

    assert.deepEqual(await before, fail({ code: "runtime.link-lost", actor: "store", executed: "maybe" }));
    assert.deepEqual(await after, ok("answer"));
  });
});

/** Somebody who speaks to `data` byte by byte, and is not a link. */
class Stranger {
  isClosed = false;
  #connection: Connection | undefined;

  static async connect(world: World): Promise<Stranger> {
    const stranger = new Stranger();
    const connected = await world.network.connect(
      { path: dataPath },
      {
        onBytes: () => undefined,
        onDrain: () => undefined,
        onClose: () => {
          stranger.isClosed = true;
        },
      },
    );
    assert(connected.ok, "somebody listens");
    stranger.#connection = connected.value;
    return stranger;
  }

  frame(kind: number, flags: number, id: number, argument: number, body: Uint8Array = new Uint8Array(0)): this {
    const writer = new FrameWriter();
    writer.begin(kind, flags, id, argument, body.byteLength);
    writer.append(body);
    this.#connection?.write(writer.take());
    return this;
  }

  header(kind: number, bodyBytes: number): void {
    const writer = new FrameWriter();
    writer.begin(kind, 0, 1, 1, bodyBytes);
    this.#connection?.write(writer.take());
  }

  hello({ to = "data" } = {}): void {
    const body = packHello({ cell: "stranger", buildId: "build-1", to, limits: LINK_LIMITS });
    this.frame(KIND.hello, 0, 0, 0, body);
  }

  greeted(): this {
    this.hello();
    return this;
  }

  /** A request whose member `source` is the stream `id`. */
  stream(id: number): this {
    const packed = encode(["store", "store", { source: null }, ["source", id, []]]);
    assert(packed !== undefined, "it is plain data");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(packed.byteLength);
    return this.frame(KIND.request, FLAG.patched | FLAG.streamed, 1000 + id, 1000, Buffer.concat([length, packed]));
  }
}
