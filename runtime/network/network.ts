/** Stream sockets, as a seam. Only links and the admin socket use it; HTTP has its own (`edge`). */
import type { Failure, Result } from "#runtime/errors.ts";

/** A Unix socket by path (at most 107 bytes). */
export interface SocketAddress {
  readonly path: string;
}

/** The system's own name of the error, such as `ECONNREFUSED` or `EADDRINUSE`. */
export interface NetworkBroken extends Failure<"network.broken"> {
  readonly path: string;
  readonly errno: string;
}

export interface Connection {
  /**
   * Queues all parts in order. Answers false when the system did not take all of them at once: stop, until `onDrain`.
   * The bytes must not change until they are on the wire (`onDrain`, or the next true answer, says so).
   */
  write(parts: readonly Uint8Array[]): boolean;
  /** Stops and restarts delivery to `onBytes`. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once and drops what is queued. */
  destroy(): void;
}

export interface ConnectionEvents {
  /** `bytes` belong to the receiver. */
  onBytes(bytes: Uint8Array): void;
  /** The system has taken everything that was written. It may come without a need. */
  onDrain(): void;
  /** Exactly once, for whatever reason. */
  onClose(): void;
}

export interface Listener {
  /** Stops accepting and destroys the connections that it accepted. */
  close(): Promise<void>;
}

export interface Network {
  /** An existing socket file is removed first; the new one has mode 0600. */
  listen(
    address: SocketAddress,
    onConnection: (connection: Connection) => ConnectionEvents,
  ): Promise<Result<Listener, NetworkBroken>>;
  connect(address: SocketAddress, events: ConnectionEvents): Promise<Result<Connection, NetworkBroken>>;
}
