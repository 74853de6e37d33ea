/** What is written to a link is read from it, however the bytes are cut; what was never written does no harm. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ATTACHMENT_BYTES_MIN, decode, encode, MALFORMED, takeOut } from "#runtime/link/body.ts";
import { FRAME_HEADER_BYTES, type Frame, KIND, KIND_MAX } from "#runtime/link/frame.ts";
import { FrameDecoder } from "#runtime/link/frame-decoder.ts";
import { FrameWriter } from "#runtime/link/frame-writer.ts";
import { readHello } from "#runtime/link/hello.ts";
import { LINK_FRAME_BYTES_MAX, LINK_MESSAGE_BYTES_MAX, LINK_WHOLE_BYTES_MAX } from "#runtime/link/limits.ts";
import { readMessage, writeMessage } from "#runtime/link/message.ts";
import { readFailure } from "#runtime/link/streams.ts";
import type { Trace } from "#runtime/ref.ts";

/** As literals are: strict equality compares prototypes. */
const plainRecord = { noNullPrototype: true } as const;

const key = fc.string({ unit: "binary", maxLength: 8 }).filter((name) => name !== "__proto__");
/** Everything that a protocol may hold, but the sign of zero. */
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(null, undefined, true, false),
    fc.double().map((number) => (number === 0 ? 0 : number)),
    fc.integer(),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.uint8Array({ maxLength: 300, size: "max" }).map(plain),
    fc.array(tie("any"), { maxLength: 5 }),
    fc.dictionary(key, tie("any"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).any;
const large = fc.integer({ min: ATTACHMENT_BYTES_MIN, max: ATTACHMENT_BYTES_MIN + 5000 }).map((size) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 1) bytes[at] = at * 7;
  return bytes;
});
const longer = fc.constant(Uint8Array.from({ length: LINK_WHOLE_BYTES_MAX + 3 }, (_, at) => at * 13));
const message = fc.oneof(
  value,
  large,
  longer,
  fc.dictionary(key, fc.oneof(value, large), { maxKeys: 4, noNullPrototype: true }),
);
const hex = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString("hex"));
const trace: fc.Arbitrary<Trace | undefined> = fc.option(
  fc.record({ traceId: hex(16), spanId: hex(8), flags: fc.integer({ min: 0, max: 255 }) }, plainRecord),
  { nil: undefined },
);

type Sent =
  | { readonly kind: "request"; readonly id: number; readonly message: unknown; readonly trace: Trace | undefined }
  | { readonly kind: "signal"; readonly id: number; readonly argument: number }
  | { readonly kind: "data"; readonly id: number; readonly bytes: Uint8Array };

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.record({ kind: fc.constant("request" as const), id: u32, message, trace }, plainRecord),
  fc.record({ kind: fc.constant("signal" as const), id: u32, argument: u32 }, plainRecord),
  fc.record(
    {
      kind: fc.constant("data" as const),
      id: fc.integer({ min: 1, max: 3 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 400, size: "max" }).map(plain),
    },
    plainRecord,
  ),
);

describe("link codec: frames", () => {
  it("agree with what was written, wherever the byte stream is cut (LNK-1)", () => {
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 5000 })),
        (script, cuts) => {
          const wire = write(script, () => cuts.next().value ?? 1);

          const received = receive(wire, () => cuts.next().value ?? 1);

          assert.deepEqual(merged(received), merged(script));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("agree when every byte comes alone", () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 3 }), (script) => {
        assert.deepEqual(merged(receive(write(script), () => 1)), merged(script));
      }),
      { numRuns: 20 },
    );
  });

  it("arrive with plain bytes, views where they are most of what came in one piece, and copies of their own where not (LNK-4)", () => {
    const request = (bigBytes: number): Sent => ({
      kind: "request",
      id: 1,
      message: { small: new Uint8Array(3), big: new Uint8Array(bigBytes) },
      trace: undefined,
    });
    const arrivedWith = (script: readonly Sent[]): { small: Uint8Array; big: Uint8Array; wireBytes: number } => {
      const wire = write(script);
      const [first] = receive(wire, () => wire.byteLength);
      assert(first?.kind === "request");
      return { ...(first.message as { small: Uint8Array; big: Uint8Array }), wireBytes: wire.byteLength };
    };

    const most = arrivedWith([request(20_000)]);
    const less = arrivedWith([request(20_000), request(30_000)]);
    const inParts = arrivedWith([request(100_000), request(100_000)]);

    for (const { small, big } of [most, less, inParts]) {
      assert.equal(Object.getPrototypeOf(small), Uint8Array.prototype);
      assert.equal(Object.getPrototypeOf(big), Uint8Array.prototype);
      assert.equal(small.buffer.byteLength, 3);
    }
    assert.equal(most.big.buffer.byteLength, most.wireBytes);
    assert.equal(less.big.buffer.byteLength, 20_000);
    // A view of the one buffer that the parts were put together in.
    assert(inParts.big.buffer.byteLength < 100_200);
    assert(inParts.big.byteOffset > 0);
  });
});

describe("link codec: limits", () => {
  const header = (kind: number, bodyBytes: number): Uint8Array => {
    const writer = new FrameWriter();
    writer.begin(kind, 0, 1, 0, bodyBytes);
    return Buffer.concat(writer.take());
  };
  const fault = (bytes: Uint8Array): unknown => new FrameDecoder(silent).push(bytes);

  it("takes a frame at the limit and refuses one byte past it", () => {
    for (const kind of [KIND.request, KIND.data, KIND.part]) {
      assert.equal(fault(header(kind, LINK_FRAME_BYTES_MAX)), undefined);
      assert.equal(fault(header(kind, LINK_FRAME_BYTES_MAX + 1)), "frame-too-large");
    }
  });

  it("takes a message in parts at the limit and refuses one byte past it, or another kind, or more than it said", () => {
    const part = (...pieces: readonly Uint8Array[]): Uint8Array => {
      const bytes = Buffer.concat(pieces);
      return Buffer.concat([header(KIND.part, bytes.byteLength), bytes]);
    };
    const longest = LINK_MESSAGE_BYTES_MAX - FRAME_HEADER_BYTES;

    assert.equal(fault(part(header(KIND.reply, longest))), undefined);
    assert.equal(fault(part(header(KIND.reply, longest + 1))), "frame-too-large");
    assert.equal(fault(part(header(KIND.ping, 5))), "frame-malformed");
    assert.equal(fault(part(header(KIND.part, 5))), "frame-malformed");
    assert.equal(fault(part(header(KIND.cast, 5), new Uint8Array(5))), undefined);
    assert.equal(fault(part(header(KIND.cast, 5), new Uint8Array(6))), "frame-malformed");
    assert.equal(fault(header(KIND.part, 0)), "frame-malformed");
  });

  it("refuses kinds that do not exist, and a length that does not cover the header", () => {
    assert.equal(fault(header(0, 10)), "frame-malformed");
    assert.equal(fault(header(KIND_MAX + 1, 10)), "frame-malformed");
    assert.equal(fault(new Uint8Array(FRAME_HEADER_BYTES)), "frame-malformed");
  });

  it("writes a message that fits exactly and refuses one byte more, with its size", () => {
    // Header, packed length, and the body of `[actor, name, null, patches]` around the attachment.
    const around = { kind: KIND.request, flags: 0, id: 1, argument: 1, trace: undefined, before: ["a", "b"] };
    const probe = new FrameWriter();
    writeMessage(probe, { ...around, ...carrying(new Uint8Array(2_000_000)) }, () => undefined);
    const room = LINK_MESSAGE_BYTES_MAX - (probe.longBytes - 2_000_000);
    const writer = new FrameWriter();

    assert.equal(
      writeMessage(writer, { ...around, ...carrying(new Uint8Array(room)) }, () => undefined),
      undefined,
    );
    assert.equal(writer.longBytes, LINK_MESSAGE_BYTES_MAX);
    assert.deepEqual(
      writeMessage(writer, { ...around, ...carrying(new Uint8Array(room + 1)) }, () => undefined),
      { reason: "too-large", sizeBytes: LINK_MESSAGE_BYTES_MAX + 1 - FRAME_HEADER_BYTES },
    );
    assert.equal(writer.longBytes, LINK_MESSAGE_BYTES_MAX);
  });

  it("refuses what it could only change or lose, at any depth, beside attachments too (LNK-1)", () => {
    for (const [what, bad] of uncarried()) {
      for (const around of [bad, { bad }, { deep: [[bad]] }, { bad, blob: new Uint8Array(ATTACHMENT_BYTES_MIN) }]) {
        assert.deepEqual(refusalOf(around), { reason: "not-encodable", sizeBytes: 0 }, what);
      }
    }
  });

  it("refuses an instance, and symbols as keys, that something is taken out of", () => {
    const blob = new Uint8Array(ATTACHMENT_BYTES_MIN);
    class Upload {
      readonly blob = blob;
    }

    for (const bad of [new Upload(), { blob, [Symbol("key")]: 1 }, new Map(Object.entries({ blob }))]) {
      assert.deepEqual(refusalOf(bad), { reason: "not-encodable", sizeBytes: 0 });
    }
  });

  it("takes a Buffer for the bytes that it is, and an object without a prototype for a record", () => {
    const content = Object.assign(Object.create(null), { bytes: Buffer.from([1, 2]) });
    const wire = write([{ kind: "request", id: 1, message: content, trace: undefined }]);

    const [arrived] = receive(wire, () => wire.byteLength);

    assert(arrived?.kind === "request");
    assert.deepEqual(arrived.message, { bytes: new Uint8Array([1, 2]) });
  });

  it("keeps apart a message and one that is written inside a getter of it", () => {
    const inner = { text: "inner" };
    let written: unknown;
    const outer = {
      before: 1,
      get member() {
        written = thereAndBack(inner);
        return "member";
      },
      after: 2,
    };

    assert.deepEqual(thereAndBack(outer), { before: 1, member: "member", after: 2 });
    assert.deepEqual(written, inner);
  });

  it("carries all sizes at which their form changes, and goes on after a refusal", () => {
    for (const limit of [16, 32, 64, 0x80, 0x100, 0x1_0000]) {
      for (const size of [limit - 1, limit]) {
        const members = Array.from({ length: size }, (_, index) => index);
        const content = {
          text: ["a".repeat(size), "ä".repeat(size), "a".repeat(size - 1).concat("€"), "\u{1f600}".repeat(size)],
          bytes: new Uint8Array(size).fill(1),
          members,
          record: Object.fromEntries(members.map((member) => [`key ${member}`, member])),
          numbers: [
            size,
            -size,
            size / 7,
            2 ** 20 * size,
            -(2 ** 20) * size,
            BigInt(size),
            2n ** BigInt(Math.min(size, 4096)),
          ],
        };
        assert.equal(encode({ ...content, bad: Symbol("s") }), undefined);

        assert.deepEqual(thereAndBack(content), content);
      }
    }
  });
});

describe("link codec: garbage", () => {
  it("is what makes anything else than plain values of bytes", () => {
    const whole = { array: "91a161", map: "82a3666f6fa3626172a161a162", string: "a3626172" };
    const extensions = [0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78, 0xff].map((type) => type.toString(16));
    for (const type of extensions) {
      for (const form of [
        "d4TT00",
        "d5TT0000",
        "d6TT00000000",
        "d7TT0000000000000000",
        "c70cTT000000000000000000000000",
        "c700TT",
      ]) {
        for (const rest of Object.values(whole)) {
          const bytes = Buffer.from(`${form.replace("TT", type)}${rest}`, "hex");

          assert.equal(decode(bytes, 0, bytes.length), MALFORMED, bytes.toString("hex"));
        }
      }
    }
  });

  it("never throws, whatever the bytes are (LNK-10)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 1, max: 700 }), (bytes, piece) => {
        feed(bytes, piece);
      }),
      { numRuns: 500 },
    );
  });

  it("never throws when good headers are followed by anything", () => {
    const framed = fc.tuple(
      fc.integer({ min: 1, max: KIND_MAX }),
      fc.integer({ min: 0, max: 255 }),
      fc.uint8Array({ maxLength: 200, size: "max" }),
    );
    fc.assert(
      fc.property(
        fc.array(framed, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 300 }),
        (frames, piece) => {
          const writer = new FrameWriter();
          for (const [kind, flags, body] of frames) {
            writer.begin(kind, flags, 1, 1, body.byteLength);
            writer.append(body);
          }
          feed(Uint8Array.from(Buffer.concat(writer.take())), piece);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("never throws when bits of good frames are wrong", () => {
    fc.assert(
      fc.property(
        fc.array(sent, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3000 }),
        (script, errors, piece) => {
          const wire = write(script);
          for (const [at, error] of errors) {
            const index = at % wire.byteLength;
            wire[index] = (wire[index] ?? 0) ^ error;
          }
          feed(wire, piece);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("allocates no more for a length than the frame's own limit", () => {
    const bomb = new Uint8Array(FRAME_HEADER_BYTES).fill(0xff);
    bomb[4] = KIND.request;

    assert.equal(new FrameDecoder(silent).push(bomb), "frame-too-large");
  });
});

const silent = { onFrame: () => undefined, onData: () => undefined };

/** What the protocol's types may allow and no link carries. */
function uncarried(): readonly (readonly [what: string, value: unknown])[] {
  class Point {
    readonly x = 1;
  }
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const buffer = new ArrayBuffer(8);
  const classes = [new Set([1]), new Map([["a", 1]]), new Date(0), /a/g, new RangeError("no"), new Point()];
  const ofBytes = [buffer, new DataView(buffer), new Uint16Array(buffer), new Uint8ClampedArray(buffer)];
  return [
    ...[...classes, ...ofBytes, new Float64Array(1), new BigInt64Array(1), new String("a"), Promise.resolve()].map(
      (value) => [value.constructor.name, value] as const,
    ),
    ["a subclass of Array", new (class extends Array<number> {})(1, 2)],
    ["a function", () => 1],
    ["a function with its own form for JSON", Object.assign(() => 1, { toJSON: () => 1 })],
    ["a symbol", Symbol("s")],
    ["a symbol as key", { [Symbol("s")]: 1 }],
    ["a circle", circle],
    // biome-ignore lint/suspicious/noSparseArray: it is what is refused.
    ["a hole", [1, , 2]],
    ["a key __proto__", JSON.parse('{ "__proto__": 1 }')],
    [
      "a getter that throws",
      {
        get broken(): never {
          throw new RangeError("its own");
        },
      },
    ],
  ];
}

function refusalOf(content: unknown): unknown {
  const frame = { kind: KIND.reply, flags: 0, id: 1, argument: 0, trace: undefined, before: [], ...carrying(content) };
  return writeMessage(new FrameWriter(), frame, () => undefined);
}

function thereAndBack(content: unknown): unknown {
  const bytes = encode(content);
  assert(bytes !== undefined, "it is carried");
  return decode(plain(bytes), 0, bytes.byteLength);
}

/** A message as its sender hands it over. */
function carrying(content: unknown): { readonly message: unknown; readonly taken: ReturnType<typeof takeOut> } {
  return { message: content, taken: takeOut(content) };
}

function plain(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

function write(script: readonly Sent[], partBytes: () => number = () => LINK_FRAME_BYTES_MAX): Uint8Array {
  const writer = new FrameWriter();
  for (const item of script) {
    if (item.kind === "signal") {
      writer.begin(KIND.window, 0, item.id, item.argument, 0);
    } else if (item.kind === "data") {
      writer.begin(KIND.data, 0, item.id, 0, item.bytes.byteLength);
      writer.append(item.bytes);
    } else {
      const { id, message: content, trace: context } = item;
      const frame = { kind: KIND.request, flags: 0, id, argument: 5, trace: context, before: ["actor", "name"] };
      assert.equal(
        writeMessage(writer, { ...frame, ...carrying(content) }, () => undefined),
        undefined,
      );
      while (writer.longBytes > 0) writer.writePart(partBytes());
    }
  }
  return Uint8Array.from(Buffer.concat(writer.take()));
}

function receive(wire: Uint8Array, nextPiece: () => number): Sent[] {
  const received: Sent[] = [];
  const decoder = new FrameDecoder({
    onData: (id, bytes) => received.push({ kind: "data", id, bytes: plain(bytes) }),
    onFrame: (frame) => {
      if (frame.kind === KIND.window) {
        received.push({ kind: "signal", id: frame.id, argument: frame.argument });
        return;
      }
      const read = readMessage(frame, 2, () => undefined);
      assert(read !== undefined, "what was written is a message");
      assert.deepEqual(read.before.slice(0, 2), ["actor", "name"]);
      received.push({ kind: "request", id: frame.id, message: read.message, trace: read.trace });
    },
  });
  for (let at = 0; at < wire.byteLength; ) {
    const piece = wire.slice(at, at + nextPiece());
    assert.equal(decoder.push(piece), undefined);
    at += piece.byteLength;
  }
  return received;
}

/** Stream bytes may come in other pieces than they were sent in: only their concatenation counts. */
function merged(items: readonly Sent[]): unknown {
  const others = items.filter(({ kind }) => kind !== "data");
  const streams = [1, 2, 3].map((id) =>
    Buffer.concat(items.flatMap((item) => (item.kind === "data" && item.id === id ? [item.bytes] : []))).toString(
      "hex",
    ),
  );
  return { others, streams };
}

/** Everything that reads what comes from outside. */
function feed(bytes: Uint8Array, piece: number): void {
  const read = (frame: Frame): void => {
    readMessage(frame, 2, () => undefined);
    readMessage(frame, 0, () => undefined);
    readHello(frame);
    readFailure(frame);
  };
  const decoder = new FrameDecoder({ onFrame: read, onData: () => undefined });
  for (let at = 0; at < bytes.byteLength; at += piece) {
    if (decoder.push(bytes.slice(at, at + piece)) !== undefined) return;
  }
}
