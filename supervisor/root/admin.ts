/**
 * The admin socket: requests in, answers out, one after another on every connection.
 *
 * It lies in the node's 0700 run directory and never on TCP, so that whoever can open it owns the node.
 */
import { StringDecoder } from "node:string_decoder";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { Result } from "#runtime/errors.ts";
import type { Connection, ConnectionEvents, Listener, Network, NetworkBroken } from "#runtime/network/network.ts";
import { second } from "#runtime/units.ts";
import { type AdminCommand, parseRequest } from "#supervisor/root/admin-protocol.ts";
import type { CommandAnswer } from "#supervisor/wire.ts";

/** Longest request line. A longer one ends the connection. */
export const ADMIN_LINE_LENGTH_MAX = 4096;
/** Requests of one connection that wait; past it the connection ends. */
export const ADMIN_WAITING_MAX = 64;
/** Connections at a time; for one more the oldest that waits for its other side is closed. */
export const ADMIN_CONNECTIONS_MAX = 16;
/** A connection ends when its other side has sent no whole request, or has not taken its answers, for as long. */
export const ADMIN_IDLE_MS: number = 5 * second;

/** Answers with further fields of the answer line, or with a refusal. */
export type AdminHandler = (command: AdminCommand) => Promise<CommandAnswer>;

export interface AdminOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly path: string;
  readonly handle: AdminHandler;
}

export function listenAdmin({ network, clock, path, handle }: AdminOptions): Promise<Result<Listener, NetworkBroken>> {
  /** The oldest first. */
  const sessions = new Set<Session>();
  return network.listen({ path }, (connection) => {
    const session = new Session(connection, clock, handle);
    const idle = sessions.size < ADMIN_CONNECTIONS_MAX ? undefined : [...sessions].find(({ isIdle }) => isIdle);
    if (idle !== undefined) {
      sessions.delete(idle);
      idle.end();
    }
    // All are being answered, which takes as long as a command may take. In a turn of its own: the network does not know
    // yet whom to tell that it is closed.
    if (sessions.size < ADMIN_CONNECTIONS_MAX) sessions.add(session);
    else void Promise.resolve().then(() => session.end());
    return {
      onBytes: (bytes) => session.receive(bytes),
      onDrain: () => session.drained(),
      onClose: () => {
        sessions.delete(session);
        session.close();
      },
    } satisfies ConnectionEvents;
  });
}

class Session {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #handle: AdminHandler;
  readonly #decoder = new StringDecoder("utf8");
  #lines: string[] = [];
  #partial = "";
  #busy = false;
  #closed = false;
  /** Runs while it is the other side's turn. */
  #idle: Timer | undefined;
  #onDrained: () => void = () => undefined;

  constructor(connection: Connection, clock: Clock, handle: AdminHandler) {
    this.#connection = connection;
    this.#clock = clock;
    this.#handle = handle;
    this.#wait();
  }

  get isIdle(): boolean {
    return this.#idle !== undefined;
  }

  receive(bytes: Uint8Array): void {
    const parts = (this.#partial + this.#decoder.write(Buffer.from(bytes))).split("\n");
    this.#partial = parts.pop() ?? "";
    this.#lines.push(...parts.filter((line) => line.trim() !== ""));
    const tooLong = [...parts, this.#partial].some((line) => line.length > ADMIN_LINE_LENGTH_MAX);
    if (tooLong || this.#lines.length > ADMIN_WAITING_MAX) this.end();
    else if (!this.#busy) void this.#work();
  }

  drained(): void {
    this.#onDrained();
  }

  end(): void {
    this.#lines = [];
    this.#connection.destroy();
  }

  /** The connection is gone. */
  close(): void {
    this.#closed = true;
    this.#lines = [];
    this.#stopWaiting();
    this.#onDrained();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
      this.#stopWaiting();
      const answer = await this.#answer(line);
      if (this.#closed) break;
      this.#wait();
      if (!this.#connection.write([Buffer.from(`${JSON.stringify(answer)}\n`)])) await this.#drain();
    }
    this.#busy = false;
  }

  /** One that does not read its answers gets no further ones: they would pile up here. */
  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  #wait(): void {
    this.#idle = this.#clock.after(ADMIN_IDLE_MS, () => this.end());
  }

  #stopWaiting(): void {
    this.#idle?.cancel();
    this.#idle = undefined;
  }

  async #answer(line: string): Promise<object> {
    const parsed = parseRequest(line);
    if (!parsed.ok) {
      const { id, code, message } = parsed.failure;
      return { id, ok: false, code, message };
    }
    const { id, command } = parsed.value;
    const outcome = await this.#handle(command);
    return outcome.refusal !== undefined ? { id, ok: false, ...outcome.refusal } : { id, ok: true, ...outcome.fields };
  }
}
