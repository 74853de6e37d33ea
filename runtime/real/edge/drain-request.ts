/**
 * Reads and drops what a client still sends after it was answered, within bounds.
 *
 * Closing a socket with unread bytes in it resets the connection, and the reset can overtake the answer: the client
 * would see a broken pipe instead of the reason. So past `bytesMax` nothing more is read, but the connection stays for
 * what is left of `forMs`: time enough to read the answer and hang up.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "#runtime/clock.ts";

/** Answers when the body ended, the client ended or closed, or `forMs` has passed. */
export function drainRequest(message: IncomingMessage, clock: Clock, bytesMax: number, forMs: number): Promise<void> {
  const { socket } = message;
  if (message.complete || message.destroyed || socket.readableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    let drained = 0;
    const onData = (piece: Buffer): void => {
      drained += piece.byteLength;
      if (drained >= bytesMax) message.off("data", onData).pause();
    };
    const done = (): void => {
      timer.cancel();
      message.off("data", onData).off("end", done).off("close", done);
      socket.off("end", done);
      message.pause();
      resolve();
    };
    const timer = clock.after(forMs, done);
    message.on("data", onData).on("end", done).on("close", done);
    socket.on("end", done);
    message.resume();
  });
}
