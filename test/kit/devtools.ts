/**
 * The DevTools protocol over a pipe: commands that are answered, and events.
 *
 * The browser reads messages from its descriptor 3 and writes them to 4, as JSON that ends with a zero byte. It ends when
 * the pipe does, so it cannot outlive the process that drives it.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** Longest wait for the browser to do one thing it was told. */
export const COMMAND_TIMEOUT_MS = 15_000;
/** What is kept of what the browser complains about, to be told when it ends. */
const LAST_WORDS_LENGTH_MAX = 4000;

/** An object of the protocol, of which only the fields that are used are ever looked at. */
export type Fields = Readonly<Record<string, unknown>>;

export type Listener = (method: string, params: Fields, sessionId: string) => void;

interface Pending {
  readonly sessionId: string | undefined;
  readonly resolve: (result: Fields) => void;
  readonly reject: (error: Error) => void;
}

export class DevTools {
  readonly #commands: Writable;
  readonly #hear: Listener;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #lastWords = "";
  #ended: string | undefined;

  /** `child` has pipes at descriptors 2, 3 and 4. */
  constructor(child: ChildProcess, hear: Listener) {
    const [, , , commands, events] = child.stdio;
    this.#commands = commands as Writable;
    this.#hear = hear;
    this.#commands.on("error", () => undefined); // That the browser has ended is told by its exit.
    let rest = "";
    (events as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop() ?? "";
      for (const message of messages) this.#accept(JSON.parse(message) as Fields);
    });
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#lastWords = (this.#lastWords + bytes.toString()).slice(-LAST_WORDS_LENGTH_MAX);
    });
    child.once("exit", (code, signal) => this.#end(`the browser ended (${code ?? signal}): ${this.#lastWords}`));
    child.once("error", (error) => this.#end(error.message));
  }

  /** Without `sessionId` it is for the browser as a whole. A refusal, or no answer in time, fails the test. */
  async send(method: string, params: Fields = {}, sessionId?: string): Promise<Fields> {
    assert.equal(this.#ended, undefined);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<Fields>((resolve, reject) => this.#pending.set(id, { sessionId, resolve, reject }));
    const late = setTimeout(() => this.#fail(id, `${method} took over ${COMMAND_TIMEOUT_MS} ms`), COMMAND_TIMEOUT_MS);
    const session = sessionId === undefined ? {} : { sessionId };
    this.#commands.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return await answer.finally(() => clearTimeout(late));
  }

  /** A target that has gone answers nothing more. */
  endSession(gone: string): void {
    for (const [id, { sessionId }] of this.#pending) if (sessionId === gone) this.#fail(id, "the target has gone");
  }

  #accept({ id, method, params, sessionId, result, error }: Fields): void {
    if (typeof id !== "number") {
      this.#hear(String(method), params as Fields, String(sessionId));
      return;
    }
    if (error !== undefined) this.#fail(id, JSON.stringify(error));
    this.#pending.get(id)?.resolve(result as Fields);
    this.#pending.delete(id);
  }

  #fail(id: number, message: string): void {
    this.#pending.get(id)?.reject(new assert.AssertionError({ message }));
    this.#pending.delete(id);
  }

  #end(why: string): void {
    this.#ended = why;
    for (const id of [...this.#pending.keys()]) this.#fail(id, why);
  }
}
