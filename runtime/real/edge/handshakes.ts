/**
 * Connections of a TLS listener of which nobody knows yet whose they are: the handshake goes on. They take the places of those
 * who could show a certificate, so for one more than there are places the oldest of them goes.
 *
 * Node tells of a finished handshake by another object than the socket that it accepted. Both know where they come from.
 */
import type { Socket } from "node:net";

export class Handshakes {
  /** By where they come from; the oldest first. */
  readonly #open = new Map<string, Socket>();

  begun(socket: Socket): void {
    const from = placeOf(socket);
    this.#open.set(from, socket);
    // By then another may have come from there.
    socket.once("close", () => this.#open.get(from) === socket && this.#open.delete(from));
  }

  finished(socket: Socket): void {
    this.#open.delete(placeOf(socket));
  }

  /** The oldest is ended; undefined where there is none. */
  endOldest(): Socket | undefined {
    const [first] = this.#open;
    if (first === undefined) return undefined;
    const [from, socket] = first;
    this.#open.delete(from);
    socket.destroy();
    return socket;
  }
}

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
