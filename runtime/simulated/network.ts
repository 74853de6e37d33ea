/**
 * Sockets in memory: the loopback of the `single` profile, and the network that tests cut.
 *
 * Byte-accurate: bytes are copied when written, arrive in order and in pieces of any size, and obey pause, drain and
 * close as a kernel's would. Every delivery is a macrotask of the injected scheduler.
 *
 * Addresses are names: nothing touches the file system, and two networks never meet.
 */
import type { Clock } from "#runtime/clock.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type {
  Connection,
  ConnectionEvents,
  Listener,
  Network,
  NetworkBroken,
  SocketAddress,
} from "#runtime/network/network.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Undelivered bytes past which `write` answers false; `onDrain` follows when none is left. */
export const LOOPBACK_HIGH_WATER_BYTES: number = 64 * 1024;
/** What a path may have, as on a real system, so that a simulation finds a name that is too long. */
const pathBytesMax = 107;

export interface SimulatedNetworkOptions {
  readonly scheduler: Scheduler;
  /** Needed by `delay` alone. */
  readonly clock?: Clock;
  /** Size of the next piece to deliver, at least 1. Without it a delivery is what one write wrote. */
  readonly pieceBytes?: () => number;
}

type OnConnection = (connection: Connection) => ConnectionEvents;

/** What tests do to everything that was or will be connected to one path. */
class Weather {
  isCut = false;
  isFrozen = false;
  delayMs = 0;
}

export class SimulatedNetwork implements Network {
  readonly #options: SimulatedNetworkOptions;
  readonly #listeners = new Map<string, OnConnection>();
  readonly #ends = new Map<string, Set<End>>();
  /** Grows by the paths that a test names, no further. */
  readonly #weather = new Map<string, Weather>();

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
  }

  listen({ path }: SocketAddress, onConnection: OnConnection): Promise<Result<Listener, NetworkBroken>> {
    const refused = checkPath(path);
    if (refused !== undefined) return Promise.resolve(fail(refused));
    this.#listeners.set(path, onConnection);
    const close = async (): Promise<void> => {
      if (this.#listeners.get(path) === onConnection) this.#listeners.delete(path);
      for (const end of this.#endsOf(path)) if (end.acceptedBy === onConnection) end.destroy();
    };
    return Promise.resolve(ok({ close }));
  }

  connect({ path }: SocketAddress, events: ConnectionEvents): Promise<Result<Connection, NetworkBroken>> {
    const refused = checkPath(path);
    if (refused !== undefined) return Promise.resolve(fail(refused));
    const onConnection = this.#listeners.get(path);
    const weather = this.#weatherOf(path);
    if (onConnection === undefined || weather.isCut) {
      return Promise.resolve(fail({ code: "network.broken", path, errno: "ECONNREFUSED" }));
    }

    const ends = this.#endsOf(path);
    const near = new End(this.#options, weather, ends, undefined);
    const far = new End(this.#options, weather, ends, onConnection);
    near.join(far);
    far.join(near);
    near.listen(events);
    far.listen(onConnection(far));
    return Promise.resolve(ok(near));
  }

  /** Destroys every connection to `path` and refuses new ones until `heal`. */
  cut(path: string): void {
    this.#weatherOf(path).isCut = true;
    for (const end of this.#endsOf(path)) end.destroy();
  }

  heal(path: string): void {
    this.#weatherOf(path).isCut = false;
  }

  /** Delivers nothing until `thaw`, and closes nothing: a peer that hangs. */
  freeze(path: string): void {
    this.#weatherOf(path).isFrozen = true;
  }

  thaw(path: string): void {
    this.#weatherOf(path).isFrozen = false;
    for (const end of this.#endsOf(path)) end.wake();
  }

  /** Every connection to `path` is lost, and neither end is told: no byte, no close arrives any more. New ones work. */
  sever(path: string): void {
    for (const end of this.#endsOf(path)) end.sever();
  }

  /** Every delivery from now on takes `delayMs` longer. Bytes keep their order. */
  delay(path: string, delayMs: number): void {
    this.#weatherOf(path).delayMs = delayMs;
  }

  /** Living connections to `path`. */
  connectionCount(path: string): number {
    return (this.#ends.get(path)?.size ?? 0) / 2;
  }

  #weatherOf(path: string): Weather {
    const weather = this.#weather.get(path) ?? new Weather();
    this.#weather.set(path, weather);
    return weather;
  }

  #endsOf(path: string): Set<End> {
    const ends = this.#ends.get(path) ?? new Set();
    this.#ends.set(path, ends);
    return ends;
  }
}

/** One end of a connection. It holds what it wrote until the other end has taken it. */
class End implements Connection {
  readonly acceptedBy: OnConnection | undefined;
  readonly #options: SimulatedNetworkOptions;
  readonly #weather: Weather;
  readonly #ends: Set<End>;
  #peer: End | undefined;
  #events: ConnectionEvents | undefined;
  #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  #isScheduled = false;
  #isPaused = false;
  #needsDrain = false;
  #isEnding = false;
  #isClosed = false;
  #isSevered = false;

  constructor(
    options: SimulatedNetworkOptions,
    weather: Weather,
    ends: Set<End>,
    acceptedBy: OnConnection | undefined,
  ) {
    this.#options = options;
    this.#weather = weather;
    this.#ends = ends;
    this.acceptedBy = acceptedBy;
    ends.add(this);
  }

  join(peer: End): void {
    this.#peer = peer;
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
    this.wake();
    this.#peer?.wake();
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#isClosed || this.#isEnding) return false;
    for (const part of parts) {
      if (part.byteLength === 0) continue;
      // A copy, because the bytes will belong to the receiver and the sender may use its buffer again.
      // Not `slice`, which on a Buffer is only another view.
      this.#outgoing.push(new Uint8Array(part));
      this.#outgoingBytes += part.byteLength;
    }
    this.wake();
    this.#needsDrain ||= this.#outgoingBytes >= LOOPBACK_HIGH_WATER_BYTES;
    return !this.#needsDrain;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#peer?.wake();
  }

  end(): void {
    this.#isEnding = true;
    this.wake();
  }

  sever(): void {
    this.#isSevered = true;
  }

  destroy(): void {
    this.#close();
    const peer = this.#peer;
    if (peer !== undefined && !this.#isSevered) this.#soon(() => peer.#close());
  }

  /** Delivers soon, if there is anything to deliver and somebody to take it. */
  wake(): void {
    if (this.#isScheduled || this.#isClosed || this.#isSevered || this.#weather.isFrozen) return;
    if (this.#outgoingBytes === 0 && !this.#isEnding) return;
    if (this.#events === undefined || this.#peer?.canTake() !== true) return;
    this.#isScheduled = true;
    this.#soon(() => this.#deliver());
  }

  canTake(): boolean {
    return !this.#isPaused && this.#events !== undefined && !this.#isClosed;
  }

  #deliver(): void {
    this.#isScheduled = false;
    if (this.#isClosed || this.#isSevered || this.#weather.isFrozen || this.#peer?.canTake() !== true) return;
    const piece = this.#takePiece();
    if (piece !== undefined) this.#peer.#events?.onBytes(piece);
    if (this.#isClosed) return;
    if (this.#outgoingBytes === 0) this.#emptied();
    this.wake();
  }

  #emptied(): void {
    if (this.#isEnding) {
      this.destroy();
      return;
    }
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    this.#events?.onDrain();
  }

  #takePiece(): Uint8Array | undefined {
    const first = this.#outgoing[0];
    if (first === undefined) return undefined;
    const length = Math.min(first.byteLength, Math.max(1, this.#options.pieceBytes?.() ?? first.byteLength));
    if (length === first.byteLength) this.#outgoing.shift();
    else this.#outgoing[0] = first.subarray(length);
    this.#outgoingBytes -= length;
    return first.subarray(0, length);
  }

  #soon(run: () => void): void {
    const { clock, scheduler } = this.#options;
    const { delayMs } = this.#weather;
    if (delayMs > 0 && clock !== undefined) clock.after(delayMs, run);
    else scheduler.macrotask(run);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ends.delete(this);
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.#options.scheduler.macrotask(() => this.#events?.onClose());
  }
}

function checkPath(path: string): NetworkBroken | undefined {
  if (new TextEncoder().encode(path).byteLength <= pathBytesMax) return undefined;
  return { code: "network.broken", path, errno: "ENAMETOOLONG" };
}
