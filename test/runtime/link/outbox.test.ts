/** The order in which a link writes, and how much of it at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FRAME_HEADER_BYTES, Frame, KIND, readHeader } from "#runtime/link/frame.ts";
import { LINK_BURST_BYTES, LINK_FRAME_BYTES_MAX, LINK_SIGNALS_MAX } from "#runtime/link/limits.ts";
import { type Flowing, Outbox, type Sendable } from "#runtime/link/outbox.ts";
import type { Connection } from "#runtime/network/network.ts";

describe("link outbox: order", () => {
  it("writes signals, then messages, then streams, in one write a turn", () => {
    const { outbox, turn, writes } = start();

    outbox.flow(stream(1, 1));
    outbox.message(message(2));
    outbox.signal(signal(3));
    outbox.message(message(4));
    outbox.signal(signal(5));
    assert.deepEqual(writes, []);
    turn();

    assert.deepEqual(writes, [["ping 3", "ping 5", "cast 2", "cast 4", "data 1"]]);
  });

  it("gives each stream one frame in turn (LNK-3)", () => {
    const { outbox, turn, writes } = start();

    outbox.flow(stream(1, 3));
    outbox.flow(stream(2, 1));
    outbox.flow(stream(3, 2));
    turn();

    assert.deepEqual(writes, [["data 1", "data 2", "data 3", "data 1", "data 3", "data 1"]]);
  });

  it("passes over messages that are not wanted any more", () => {
    const { outbox, turn, writes } = start();
    const second = { ...message(2), isWanted: true };

    outbox.message(message(1));
    outbox.message(second);
    outbox.message(message(3));
    second.isWanted = false;
    turn();

    assert.deepEqual(writes, [["cast 1", "cast 3"]]);
  });
});

describe("link outbox: bounds", () => {
  it("writes units while the system takes them, up to a burst a turn", () => {
    const { outbox, turn, writes } = start();
    const frames = (3 * LINK_BURST_BYTES) / LINK_FRAME_BYTES_MAX;

    outbox.flow(stream(1, frames, Number.POSITIVE_INFINITY));
    const counts = [0, 1, 2, 3].map(() => {
      turn();
      return writes.length;
    });

    assert.deepEqual(counts, [frames / 3, (2 * frames) / 3, frames, frames]);
  });

  it("writes nothing more until the system has taken the last unit, then signals first (LNK-2)", () => {
    const { outbox, turn, writes, socket } = start();
    socket.hasRoom = false;

    outbox.flow(stream(1, 10, Number.POSITIVE_INFINITY));
    outbox.message(message(2, 100));
    turn();
    assert.deepEqual(writes, [["cast 2", "data 1"]]);
    outbox.signal(signal(7));
    outbox.message(message(3, 100));
    turn();
    assert.equal(writes.length, 1);
    outbox.drained();

    assert.deepEqual(writes.slice(1), [["ping 7", "data 1"]]);
    outbox.drained();
    assert.deepEqual(writes.slice(2), [["cast 3", "data 1"]]);
  });

  it("lets no signal wait for more than a frame of the largest size, whatever else waits (property, LNK-2)", () => {
    const sizes = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2_000_000 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), sizes), { minLength: 1, maxLength: 30, size: "max" }),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 10 }),
        (waiting, pauses) => {
          const { outbox, turn, writes, sizesOf, socket } = start();
          socket.hasRoom = false;
          for (const [isMessage, sizeBytes] of waiting) {
            if (isMessage) outbox.message(message(2, sizeBytes));
            else outbox.flow(stream(1, Math.ceil(sizeBytes / 1000), 1 + (sizeBytes % 100_000)));
          }
          turn();

          for (const [index, pause] of pauses.entries()) {
            for (let drained = 0; drained < pause; drained += 1) outbox.drained();
            const before = writes.length;
            outbox.signal(signal(index));
            turn();
            outbox.drained();
            assert.equal(writes[before]?.[0], `ping ${index}`);
          }

          const signalBytes = FRAME_HEADER_BYTES;
          for (const bytes of sizesOf()) {
            assert(
              bytes <= signalBytes + FRAME_HEADER_BYTES + LINK_FRAME_BYTES_MAX,
              `${bytes} bytes were written at once`,
            );
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("gives messages and streams turns to come first, so that neither waits for all of the other (LNK-3)", () => {
    const { outbox, turn, writes } = start();

    for (let id = 10; id < 20; id += 1) outbox.message(message(id, 30_000));
    outbox.flow(stream(1, 10, Number.POSITIVE_INFINITY));
    turn();

    assert.deepEqual(writes.slice(0, 4), [["cast 10", "cast 11"], ["data 1"], ["cast 12", "cast 13"], ["data 1"]]);
  });

  it("hands large bytes to the socket as they are, in parts of one message between which others pass (LNK-4)", () => {
    const { outbox, turn, writes, parts, socket } = start();
    const bytes = new Uint8Array(150_000);
    socket.hasRoom = false;

    outbox.message(message(2, bytes));
    outbox.message(message(3, 10));
    turn();
    outbox.signal(signal(7));
    outbox.flow(stream(1, 1, 10));
    for (let drained = 0; drained < 4; drained += 1) outbox.drained();

    assert.deepEqual(writes, [["part 0"], ["ping 7", "data 1", "part 0"], ["part 0", "cast 3"]]);
    const views = parts.filter(({ buffer }) => buffer === bytes.buffer);
    let at = 0;
    for (const { byteOffset, byteLength } of views) {
      assert.equal(byteOffset, at);
      at += byteLength;
    }
    assert.equal(at, bytes.byteLength);
  });

  it("says so when signals pile up, one past the limit", () => {
    const { outbox, overflow } = start();

    for (let id = 0; id < LINK_SIGNALS_MAX; id += 1) outbox.signal(signal(id));
    assert.equal(overflow.count, 0);
    outbox.signal(signal(0));

    assert.equal(overflow.count, 1);
  });

  it("drops what waits when it is closed, and takes nothing more", () => {
    const { outbox, turn, writes } = start();
    let dropCount = 0;
    const waiting: Sendable = {
      ...message(1),
      drop: () => {
        dropCount += 1;
      },
    };

    outbox.message(waiting);
    outbox.close();
    outbox.signal(signal(1));
    outbox.flow(stream(1, 1));
    turn();

    assert.equal(dropCount, 1);
    assert.deepEqual(writes, []);
  });
});

interface Started {
  readonly outbox: Outbox;
  /** Runs what was scheduled. */
  readonly turn: () => void;
  /** Kind and id of each frame, by write. */
  readonly writes: string[][];
  /** Everything that was written. */
  readonly parts: Uint8Array[];
  /** Of each write, bytes. */
  readonly sizesOf: () => readonly number[];
  readonly socket: { hasRoom: boolean };
  readonly overflow: { count: number };
}

function start(): Started {
  const scheduled: (() => void)[] = [];
  const writes: string[][] = [];
  const parts: Uint8Array[] = [];
  const sizes: number[] = [];
  const socket = { hasRoom: true };
  const overflow = { count: 0 };
  const connection: Connection = {
    write: (written) => {
      const bytes = Buffer.concat(written);
      writes.push(namesOf(bytes));
      parts.push(...written);
      sizes.push(bytes.byteLength);
      return socket.hasRoom;
    },
    pause: () => undefined,
    resume: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
  };
  const outbox = new Outbox({
    bytesMax: 1000,
    scheduler: { microtask: (run) => scheduled.push(run), macrotask: (run) => scheduled.push(run) },
    onWritten: () => undefined,
    onOverflow: () => {
      overflow.count += 1;
    },
  });
  outbox.attach(connection);
  const turn = (): void => {
    for (const run of scheduled.splice(0)) run();
  };
  turn();
  return { outbox, turn, writes, parts, sizesOf: () => sizes, socket, overflow };
}

function namesOf(bytes: Uint8Array): string[] {
  const kinds = new Map<number, string>(Object.entries(KIND).map(([name, kind]) => [kind, name]));
  const names: string[] = [];
  const frame = new Frame();
  for (let at = 0; at < bytes.byteLength; at = frame.end) {
    readHeader(frame, bytes, at);
    names.push(`${kinds.get(frame.kind)} ${frame.id}`);
  }
  return names;
}

function signal(id: number): { readonly kind: number; readonly id: number; readonly argument: number } {
  return { kind: KIND.ping, id, argument: 0 };
}

function message(id: number, body: number | Uint8Array = 1): Sendable {
  const bytes = typeof body === "number" ? new Uint8Array(body) : body;
  return {
    isWanted: true,
    attachedBytes: 0,
    drop: () => undefined,
    write: (writer) => {
      writer.beginMessage(KIND.cast, 0, id, 0, bytes.byteLength);
      writer.append(bytes);
    },
  };
}

/** Each frame with as much as it may have, up to `bodyBytesMax`. */
function stream(id: number, frameCount: number, bodyBytesMax = 1): Flowing {
  let left = frameCount;
  return {
    write: (writer, bytesMax) => {
      const bytes = new Uint8Array(Math.min(bytesMax, bodyBytesMax));
      writer.begin(KIND.data, 0, id, 0, bytes.byteLength);
      writer.append(bytes);
      left -= 1;
      return left > 0;
    },
  };
}
