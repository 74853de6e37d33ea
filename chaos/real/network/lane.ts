/** One direction of one connection through a gate: bytes, an end and a reset pass in their order, as the hurdle lets them. */
import type { Socket } from "node:net";
import { resetSocket } from "#runtime/real/reset-socket.ts";

export interface Hurdle {
  /** How many of so many bytes may pass, after as long as it takes; of none, when an end may. `breaks`: the connection is reset. */
  pass(bytes: number): Promise<number | "breaks">;
}

/** `source` and `target` are half-open sockets: neither ends by itself because the other side has. */
export function convey(source: Socket, target: Socket, hurdle: Hurdle): void {
  let last: Promise<void> = Promise.resolve();
  const then = (step: () => Promise<void>): void => {
    last = last.then(step);
  };
  source.on("data", (bytes: Buffer) => {
    source.pause();
    then(async () => {
      const isThrough = await carry(bytes, target, hurdle);
      if (isThrough) source.resume();
      else reset(source, target);
    });
  });
  source.once("end", () => {
    then(async () => {
      if ((await hurdle.pass(0)) === "breaks") reset(source, target);
      else target.end();
    });
  });
  // Who is reset in the middle hears nothing of it while nothing passes.
  source.once("close", (hadError) => {
    if (!hadError && source.readableEnded) return;
    then(async () => {
      await hurdle.pass(0);
      reset(target);
    });
  });
  // It closes after that.
  source.on("error", () => undefined);
}

async function carry(bytes: Buffer, target: Socket, hurdle: Hurdle): Promise<boolean> {
  for (let sent = 0; sent < bytes.length; ) {
    const room = await hurdle.pass(bytes.length - sent);
    if (room === "breaks" || target.destroyed) return false;
    const isRoom = target.write(bytes.subarray(sent, sent + room));
    if (!isRoom) await drained(target);
    sent += room;
  }
  return true;
}

function reset(...sockets: readonly Socket[]): void {
  for (const socket of sockets) if (!socket.destroyed) resetSocket(socket);
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
