/**
 * The admin socket: requests in, answers out, one after another on every connection.
 *
 * It lies in the node's 0700 run directory and never on TCP, so that whoever can open it owns the node.
 */
import { StringDecoder } from "node:string_decoder";
import type { Result } from "#runtime/errors.ts";
import type { Connection, ConnectionEvents, Listener, Network, NetworkBroken } from "#runtime/network/network.ts";
import { type AdminCommand, parseRequest } from "#supervisor/root/admin-protocol.ts";
import type { Refusal } from "#supervisor/wire.ts";

/** Longest request line. A longer one ends the connection. */
export const ADMIN_LINE_LENGTH_MAX = 4096;
/** Requests of one connection that wait; past it the connection ends. */
export const ADMIN_WAITING_MAX = 64;
/** Connections at a time; one more is closed at once. */
export const ADMIN_CONNECTIONS_MAX = 16;

/** Answers with further fields of the answer line, or with a refusal. */
export type AdminHandler = (
  command: AdminCommand,
) => Promise<{ readonly refusal: Refusal } | { readonly fields: Readonly<Record<string, unknown>> }>;

export function listenAdmin(
  network: Network,
  path: string,
  handle: AdminHandler,
): Promise<Result<Listener, NetworkBroken>> {
  let connectionCount = 0;
  return network.listen({ path }, (connection) => {
    connectionCount += 1;
    // In a turn of its own: the network does not know yet whom to tell that it is closed.
    if (connectionCount > ADMIN_CONNECTIONS_MAX) void Promise.resolve().then(() => connection.destroy());
    const session = new Session(connection, handle);
    return {
      onBytes: (bytes) => session.receive(bytes),
      onDrain: () => undefined,
      onClose: () => {
        connectionCount -= 1;
        session.close();
      },
    } satisfies ConnectionEvents;
  });
}

class Session {
  readonly #connection: Connection;
  readonly #handle: AdminHandler;
  readonly #decoder = new StringDecoder("utf8");
  #lines: string[] = [];
  #partial = "";
  #busy = false;
  #closed = false;

  constructor(connection: Connection, handle: AdminHandler) {
    this.#connection = connection;
    this.#handle = handle;
  }

  receive(bytes: Uint8Array): void {
    const parts = (this.#partial + this.#decoder.write(Buffer.from(bytes))).split("\n");
    this.#partial = parts.pop() ?? "";
    this.#lines.push(...parts.filter((line) => line.trim() !== ""));
    const tooLong = [...parts, this.#partial].some((line) => line.length > ADMIN_LINE_LENGTH_MAX);
    if (tooLong || this.#lines.length > ADMIN_WAITING_MAX) {
      this.#lines = [];
      this.#connection.destroy();
      return;
    }
    if (!this.#busy) void this.#work();
  }

  close(): void {
    this.#closed = true;
    this.#lines = [];
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
      const answer = await this.#answer(line);
      if (!this.#closed) this.#connection.write([Buffer.from(`${JSON.stringify(answer)}\n`)]);
    }
    this.#busy = false;
  }

  async #answer(line: string): Promise<object> {
    const parsed = parseRequest(line);
    if (!parsed.ok) {
      const { id, code, message } = parsed.failure;
      return { id, ok: false, code, message };
    }
    const { id, command } = parsed.value;
    const outcome = await this.#handle(command);
    return "refusal" in outcome ? { id, ok: false, ...outcome.refusal } : { id, ok: true, ...outcome.fields };
  }
}
