/** Ends a connection by a reset. */
import type { Socket } from "node:net";

/**
 * In the moment in which the end of a socket is on its way to the system, libuv refuses to reset it (`UV_EINVAL` from
 * `uv_tcp_close_reset`), and Node then forgets it with its descriptor open: it is never closed, and a process that comes to its end
 * turns for ever. So that moment is waited for.
 */
export function resetSocket(socket: Socket): void {
  const isEnding = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
  if (isEnding && !socket.destroyed) socket.once("finish", () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
