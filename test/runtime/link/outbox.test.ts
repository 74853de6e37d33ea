/** The order in which a link writes, and how much of it at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KIND } from "#runtime/link/frame.ts";
import { FrameDecoder } from "#runtime/link/frame-decoder.ts";
import type { FrameWriter } from "#runtime/link/frame-writer.ts";
import { LINK_BURST_BYTES, LINK_SIGNALS_MAX } from "#runtime/link/limits.ts";
import { type Flowing, Outbox, type Sendable } from "#runtime/link/outbox.ts";
import type { Connection } from "#runtime/network/network.ts";
import { KiB } from "#runtime/units.ts";

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

  it("gives each stream one frame in turn", () => {
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
  it("writes a burst of messages and a burst of streams, then waits until the socket has taken them", () => {
    const { outbox, turn, writes, socket } = start();
    const frameBytes = 64 * KiB;
    const frames = LINK_BURST_BYTES / frameBytes;
    socket.hasRoom = false;

    for (let id = 0; id < 2 * frames; id += 1) outbox.message(message(id, frameBytes));
    outbox.flow(stream(99, 100, frameBytes));
    turn();
    assert.equal(writes[0]?.filter((frame) => frame.startsWith("cast")).length, frames);
    assert.equal(writes[0]?.filter((frame) => frame.startsWith("data")).length, frames);
    outbox.signal(signal(7));
    turn();
    assert.equal(writes.length, 1);

    outbox.drained();

    assert.equal(writes.length, 2);
    assert.equal(writes[1]?.[0], "ping 7");
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
  readonly socket: { hasRoom: boolean };
  readonly overflow: { count: number };
}

function start(): Started {
  const scheduled: (() => void)[] = [];
  const writes: string[][] = [];
  const socket = { hasRoom: true };
  const overflow = { count: 0 };
  const connection: Connection = {
    write: (parts) => {
      writes.push(namesOf(Buffer.concat(parts)));
      return socket.hasRoom;
    },
    pause: () => undefined,
    resume: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
  };
  const outbox = new Outbox({
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
  return { outbox, turn, writes, socket, overflow };
}

function namesOf(bytes: Uint8Array): string[] {
  const kinds = new Map<number, string>(Object.entries(KIND).map(([name, kind]) => [kind, name]));
  const names: string[] = [];
  const decoder = new FrameDecoder({
    onFrame: ({ kind, id }) => names.push(`${kinds.get(kind)} ${id}`),
    onData: (id) => names.push(`data ${id}`),
  });
  assert.equal(decoder.push(bytes), undefined);
  return names;
}

function signal(id: number): { readonly kind: number; readonly id: number; readonly argument: number } {
  return { kind: KIND.ping, id, argument: 0 };
}

function message(id: number, bodyBytes = 1): Sendable {
  return {
    isWanted: true,
    drop: () => undefined,
    write: (writer) => frame(writer, KIND.cast, id, bodyBytes),
  };
}

function stream(id: number, frameCount: number, bodyBytes = 1): Flowing {
  let left = frameCount;
  return {
    write: (writer) => {
      frame(writer, KIND.data, id, bodyBytes);
      left -= 1;
      return left > 0;
    },
  };
}

function frame(writer: FrameWriter, kind: number, id: number, bodyBytes: number): void {
  writer.begin(kind, 0, id, 0, bodyBytes);
  writer.append(new Uint8Array(bodyBytes));
}
