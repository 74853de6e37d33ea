/**
 * Unix sockets on `node:net`.
 *
 * A socket file that is left over is removed before listening: whoever listens holds the lock of its store, or owns the
 * run directory, so a living listener on the same path is a mistake made elsewhere.
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type OnReadOpts, type Server, Socket } from "node:net";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Connection, ConnectionEvents, Listener, Network, NetworkBroken } from "#runtime/network/network.ts";
import { KiB } from "#runtime/units.ts";

/** What `sun_path` holds beside its final zero. Past it the kernel would cut the name and two nodes could meet. */
export const SOCKET_PATH_BYTES_MAX = 107;

/** About what the kernel keeps for a reader. */
const slabBytes = 256 * KiB;
/** A smaller rest of a slab is not worth a read. */
const readBytesMin = 64 * KiB;
/** A socket has drained when nothing is left in it, and not before. */
const highWaterMark = 1;

/** Owner only, beside the 0700 directory that it lies in. */
const socketMode = 0o600;

export const realNetwork: Network = {
  listen: (address, onConnection) => {
    const { path } = address;
    const refused = checkPath(path) ?? removeStale(path);
    if (refused !== undefined) return Promise.resolve(fail(refused));
    return openServer(path, onConnection);
  },

  connect: (address, events) => {
    const { path } = address;
    const refused = checkPath(path);
    if (refused !== undefined) return Promise.resolve(fail(refused));
    return openSocket(path, events);
  },
};

class RealConnection implements Connection {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return false;
    // Corked, so that all parts leave in one system call.
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
    return socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    const socket = this.#socket;
    // Without the destroy, a peer that never closes its half would keep ours open.
    socket.end(() => socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function openServer(
  path: string,
  onConnection: (connection: Connection) => ConnectionEvents,
): Promise<Result<Listener, NetworkBroken>> {
  const sockets = new Set<Socket>();
  const server = createServer({ highWaterMark }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    wire(socket, onConnection(new RealConnection(socket)));
  });

  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => resolve(fail(broken(path, error)));
    server.once("error", onError);
    server.listen({ path }, () => {
      server.off("error", onError);
      // An accept that fails (out of descriptors) concerns one caller, who sees it; the listener lives on.
      server.on("error", () => undefined);
      const refused = attempt(path, () => chmodSync(path, socketMode));
      if (refused === undefined) resolve(ok({ close: () => closeServer(server, sockets) }));
      else void closeServer(server, sockets).then(() => resolve(fail(refused)));
    });
  });
}

function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}

function openSocket(path: string, events: ConnectionEvents): Promise<Result<Connection, NetworkBroken>> {
  return new Promise((resolve) => {
    // A stream's option, which the type of a socket's options leaves out.
    const options = { onread: readIntoSlabs((bytes) => events.onBytes(bytes)), writableHighWaterMark: highWaterMark };
    const socket = new Socket(options);
    const onError = (error: NodeJS.ErrnoException): void => resolve(fail(broken(path, error)));
    socket.once("error", onError);
    socket.connect({ path }, () => {
      socket.off("error", onError);
      wireState(socket, events);
      resolve(ok(new RealConnection(socket)));
    });
  });
}

/**
 * Large reads for the side that connects (the platform offers this to no other): a third of the wake-ups, twice the
 * throughput. A slab is filled once, front to back, and never again: what was read into it belongs to the receiver.
 */
function readIntoSlabs(onBytes: (bytes: Uint8Array) => void): OnReadOpts {
  let slab = allocate();
  let filled = 0;
  return {
    buffer: () => {
      if (slab.byteLength - filled < readBytesMin) {
        slab = allocate();
        filled = 0;
      }
      return slab.subarray(filled);
    },
    callback: (count) => {
      const bytes = slab.subarray(filled, filled + count);
      filled += count;
      onBytes(bytes);
      return true;
    },
  };
}

/** Not zeroed: a view is handed out only of what was read. */
function allocate(): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(slabBytes).buffer);
}

function wire(socket: Socket, events: ConnectionEvents): void {
  // As a plain Uint8Array: what is cut out of it is then one too, not a Buffer.
  socket.on("data", (bytes: Buffer) =>
    events.onBytes(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  );
  wireState(socket, events);
}

function wireState(socket: Socket, events: ConnectionEvents): void {
  socket.on("drain", () => events.onDrain());
  // `close` follows every error, and says all that a user of the seam may know.
  socket.on("error", () => undefined);
  socket.on("close", () => events.onClose());
}

function checkPath(path: string): NetworkBroken | undefined {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return undefined;
  return { code: "network.broken", path, errno: "ENAMETOOLONG" };
}

/** Only a socket is removed: a path that names anything else is a mistake, and the file may be precious. */
function removeStale(path: string): NetworkBroken | undefined {
  return attempt(path, () => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSocket() === true) unlinkSync(path);
  });
}

function attempt(path: string, run: () => void): NetworkBroken | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return broken(path, error);
  }
}

function broken(path: string, error: unknown): NetworkBroken {
  const errno = error instanceof Error && "code" in error ? String(error.code) : "EUNKNOWN";
  return { code: "network.broken", path, errno };
}
