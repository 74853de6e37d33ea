/** Links between cells: frames however they are cut, what is in them, and a cell that is spoken to by something else. */
import assert from "node:assert/strict";
import { decode, encode, MALFORMED } from "#runtime/link/body.ts";
import { FLAG, FRAME_HEADER_BYTES, type Frame, KIND, writeHeader } from "#runtime/link/frame.ts";
import { FrameDecoder } from "#runtime/link/frame-decoder.ts";
import { packHello, readHello } from "#runtime/link/hello.ts";
import { LINK_LIMITS } from "#runtime/link/limits.ts";
import { readMessage } from "#runtime/link/message.ts";
import { readFailure } from "#runtime/link/streams.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { assertPlain } from "#test/fuzz/oracle.ts";
import { frameIn, frameModel, type Heard, tell } from "#test/fuzz/readers/frame-model.ts";
import type { Target } from "#test/fuzz/target.ts";
import { dataPath, FakeActor, RecordingLog } from "#test/runtime/link/kit.ts";

interface Sent {
  readonly kind: number;
  readonly flags?: number;
  readonly id?: number;
  readonly argument?: number;
  readonly body?: Uint8Array | undefined;
}

function frame({ kind, flags = 0, id = 1, argument = 5000, body = new Uint8Array(0) }: Sent): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeHeader(bytes, 0, kind, flags, id, argument, body.length);
  bytes.set(body, FRAME_HEADER_BYTES);
  return bytes;
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const ask = frame({ kind: KIND.request, body: encode(["store", "ask", { a: [1, "b", undefined, 2n ** 70n] }]) });
/** Its attachment is short: a long one is the same, and takes longer. */
const packed = encode(["store", "ask", { bytes: null }, [null, 0, [["bytes", 3]]]]) ?? new Uint8Array(0);
const attached = frame({
  kind: KIND.request,
  flags: FLAG.patched | FLAG.traced,
  body: joined(new Uint8Array(25).fill(7), Uint8Array.of(0, 0, 0, packed.length), packed, Uint8Array.of(1, 2, 3)),
});
const streamed = encode(["store", "store", { source: null }, ["source", 9, []]]) ?? new Uint8Array(0);
const source = frame({
  kind: KIND.request,
  flags: FLAG.patched | FLAG.streamed,
  id: 2,
  body: joined(Uint8Array.of(0, 0, 0, streamed.length), streamed),
});
const data = frame({ kind: KIND.data, id: 9, body: new Uint8Array(20).fill(3) });
const end = frame({ kind: KIND.data, id: 9, flags: FLAG.end });
const failure = encode({ code: "test.failed" });
const said = joined(
  source,
  data,
  frame({ kind: KIND.data, id: 9, flags: FLAG.failed, body: failure }),
  frame({ kind: KIND.window, id: 9, argument: 5 }),
  frame({ kind: KIND.stop, id: 9, body: failure }),
  frame({ kind: KIND.ping, argument: 2_000_000 }),
);
const watched = joined(
  frame({ kind: KIND.monitor, id: 4, body: encode("store") }),
  frame({ kind: KIND.demonitor, id: 4 }),
  frame({ kind: KIND.cancel, id: 1 }),
  frame({ kind: KIND.cast, body: encode(["store", "tell", 1]) }),
);
/** In two parts. */
const parts = joined(
  frame({ kind: KIND.part, id: 0, body: ask.subarray(0, 20) }),
  frame({ kind: KIND.ping }),
  frame({ kind: KIND.part, id: 0, body: ask.subarray(20) }),
);
/** What is refused: more in the last part than the message has, a request of nothing, a frame that is too long. */
const overlong = joined(
  frame({ kind: KIND.part, id: 0, body: ask.subarray(0, 20) }),
  frame({ kind: KIND.part, id: 0, body: joined(ask.subarray(20), Uint8Array.of(0)) }),
);
const nameless = frame({ kind: KIND.request, body: encode(["store", 7, {}]) });
const tooLong = Uint8Array.of(0xff, 0xff, 0xff, 0xff, KIND.reply, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const limits = LINK_LIMITS;
const hello = frame({ kind: KIND.hello, body: packHello({ cell: "gate", buildId: "build-1", to: "data", limits }) });
const seeds = [ask, attached, joined(source, data, data, end), said, watched, parts, hello, overlong, tooLong];

const frames: Target = {
  name: "link frames",
  seeds,
  check(input) {
    const expected = frameModel(input);
    // However it is cut: whole, byte by byte, and at places that the input itself says.
    for (const pieceBytes of [() => input.length, () => 1, (at: number) => 1 + ((input[at] ?? 0) % 37)]) {
      assert.deepEqual(heardIn(input, pieceBytes), expected);
    }
  },
};

function heardIn(input: Uint8Array, pieceBytes: (at: number) => number): readonly Heard[] {
  const heard: Heard[] = [];
  const decoder = new FrameDecoder({
    onFrame: ({ kind, flags, id, argument, bytes, start, end: bodyEnd }) => {
      const header = new Uint8Array(FRAME_HEADER_BYTES);
      writeHeader(header, 0, kind, flags, id, argument, bodyEnd - start);
      heard.push(frameIn(Buffer.concat([header, bytes.subarray(start, bodyEnd)])));
    },
    onData: (streamId, bytes) => tell(heard, streamId, bytes),
  });
  for (let at = 0; at < input.length; ) {
    const piece = input.slice(at, at + Math.max(1, pieceBytes(at)));
    const fault = decoder.push(piece);
    if (fault !== undefined) return [...heard, fault];
    at += piece.length;
  }
  return heard;
}

/** Nothing that we send is deeper; what is read may be, as far as a frame has room. */
const DEPTH_MAX = 5000;
/** What the library makes of the one byte that MessagePack has no use for. It has no members, and nobody can send it on. */
const unused = decode(Uint8Array.of(0xc1), 0, 1);
const CLASSES: readonly object[] = [
  Object.prototype,
  Array.prototype,
  Uint8Array.prototype,
  Buffer.prototype,
  ...(typeof unused === "object" && unused !== null ? [Object.getPrototypeOf(unused) as object] : []),
];

const bodies: Target = {
  name: "link bodies",
  seeds: [ask, attached, source, hello].map((bytes) => bytes.slice(4)),
  words: ["\xa9__proto__", "\xdf\xff\xff\xff\xff", "\xc7\x08\x42", "\xd6\xff", "\xc1", "\xab", "\xdd\x00\xff\xff\xff"],
  check(input) {
    // Kind and flags are the first two bytes, as in a frame; the rest of a header says nothing here.
    const whole = joined(new Uint8Array(4), input);
    const start = Math.min(FRAME_HEADER_BYTES, whole.length);
    const [kind = 0, flags = 0] = input;
    const given: Frame = { kind, flags, id: 1, argument: 1, bytes: whole, start, end: whole.length };
    for (const beforeCount of [0, 2]) {
      const opened: number[] = [];
      const read = readMessage(given, beforeCount, (streamId) => {
        opened.push(streamId);
        return { failure: undefined, read: async () => 0, cancel: () => undefined };
      });
      if (read === undefined) continue;
      assert(opened.length <= 1, "a message has one stream");
      if (opened.length === 0) assertPlain(read.message, DEPTH_MAX, CLASSES);
    }
    readHello(given);
    const failed = readFailure(given);
    if (failed !== undefined) assert.equal(typeof failed.code, "string");
    const value = decode(whole, start, whole.length);
    if (value === MALFORMED) return;
    const again = encode(value);
    if (again !== undefined) assert.deepEqual(decode(again, 0, again.length), value, "what is read can be sent on");
  },
};

/** Behind a hello that is good, so that what follows is heard. */
const peer: Target = {
  name: "link to a cell",
  seeds: [ask, joined(ask, attached), joined(source, data, data, end), said, watched, parts, nameless],
  async check(input) {
    const { network, clock, store, data: cell, surfaced } = await startCell();
    const answers: Uint8Array[] = [];
    const connected = await network.connect(
      { path: dataPath },
      {
        onBytes: (bytes) => void answers.push(bytes.slice()),
        onDrain: () => undefined,
        onClose: () => undefined,
      },
    );
    assert(connected.ok);
    connected.value.write([joined(hello, input)]);
    await clock.advance(10);
    connected.value.destroy();
    await clock.advance(10);
    assert.deepEqual(surfaced, [], "nothing that arrives is a defect");
    for (const { name, request } of store.heard) {
      assert.equal(typeof name, "string");
      if (!hasSource(request)) assertPlain(request, DEPTH_MAX, CLASSES);
    }
    // What it answers is of the same language: the other side can read all of it.
    const spoken = frameModel(Buffer.concat(answers));
    assert(!spoken.some((heard) => heard.startsWith("frame-")), "what it says is well-formed");
    await cell.close();
  },
};

/** A cell with an actor that answers with what it was asked, and a socket in memory. */
async function startCell() {
  const surfaced: unknown[] = [];
  const random = seededRandom(1);
  const scheduler = seededScheduler(random);
  const clock = new ManualClock();
  const network = new SimulatedNetwork({ scheduler, clock });
  const store = new FakeActor("store");
  const log = new RecordingLog();
  const cell = new Switchboard({
    cell: "data",
    buildId: "build-1",
    clock,
    random,
    network,
    log,
    scheduler: {
      macrotask: (run) => scheduler.macrotask(run),
      microtask: (run) => scheduler.microtask(caught(run, surfaced)),
    },
    metrics: new Metrics(),
    local: (name) => (name === "store" ? store : undefined),
    socketOf: () => undefined,
    limits: { messageCredit: 4, streamsMax: 2 },
  });
  assert((await cell.listen({ path: dataPath })).ok);
  return { network, clock, store, data: cell, surfaced };
}

function caught(run: () => void, surfaced: unknown[]): () => void {
  return () => {
    try {
      run();
    } catch (defect) {
      surfaced.push(defect);
    }
  };
}

function hasSource(request: unknown): boolean {
  if (typeof request !== "object" || request === null) return false;
  return Object.values(request).some((member) => typeof member === "object" && member !== null && "cancel" in member);
}

export const TARGETS: readonly Target[] = [frames, bodies, peer];
