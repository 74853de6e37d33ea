/**
 * The body of a request as a byte source: pulled, so that a consumer that waits makes the client wait, not the memory.
 *
 * Only a wait for bytes that somebody wants counts as the client's idle time.
 */
import type { IncomingMessage } from "node:http";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import { IdleWatch } from "#runtime/edge/idle-watch.ts";
import type { BodyFailure } from "#runtime/edge/refusal.ts";
import { assert, type Failure } from "#runtime/errors.ts";

interface Wanted {
  readonly into: Uint8Array;
  readonly resolve: (count: number) => void;
}

export interface RequestBodyOptions {
  readonly clock: Clock;
  readonly readIdleMs: () => number;
  /** Runs before the first byte is asked for: what says `100 Continue`. */
  readonly onFirstRead: () => void;
}

export class RequestBody implements ByteSource {
  readonly #message: IncomingMessage;
  readonly #options: RequestBodyOptions;
  readonly #watch: IdleWatch;
  #wanted: Wanted | undefined;
  #failure: Failure | undefined;
  #state: "untouched" | "flowing" | "ended" | "failed" = "untouched";

  constructor(message: IncomingMessage, options: RequestBodyOptions) {
    this.#message = message;
    this.#options = options;
    this.#watch = new IdleWatch(options.clock, options.readIdleMs, () => {
      this.fail({ code: "gateway.read-idle", readIdleMs: options.readIdleMs() });
    });
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  read(into: Uint8Array): Promise<number> {
    assert(this.#wanted === undefined, "a source is read by one consumer, one read at a time");
    if (this.#state === "untouched") this.#begin();
    const count = this.#take(into);
    if (count !== undefined) return Promise.resolve(count);
    this.#watch.start();
    return new Promise((resolve) => {
      this.#wanted = { into, resolve };
    });
  }

  cancel(reason: Failure): void {
    this.#settle("failed", reason);
  }

  /** The client's side of the body broke. */
  fail(failure: BodyFailure): void {
    this.#settle("failed", failure);
  }

  #begin(): void {
    this.#state = "flowing";
    this.#message.on("readable", this.#onReadable);
    this.#message.on("end", this.#onEnd);
    this.#options.onFirstRead();
  }

  readonly #onReadable = (): void => {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const count = this.#take(wanted.into);
    if (count === undefined) return;
    this.#wanted = undefined;
    this.#watch.stop();
    wanted.resolve(count);
  };

  readonly #onEnd = (): void => {
    this.#settle("ended", undefined);
  };

  /** Undefined when nothing is there yet. */
  #take(into: Uint8Array): number | undefined {
    if (this.#state === "ended") return ENDED;
    if (this.#state === "failed") return FAILED;
    const available = this.#message.readableLength;
    // Asking for 0 bytes is what makes an ended message say that it ended.
    const piece: Buffer | null = this.#message.read(Math.min(available, into.byteLength));
    if (piece === null) return undefined;
    into.set(piece);
    return piece.byteLength;
  }

  #settle(state: "ended" | "failed", failure: Failure | undefined): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    this.#state = state;
    this.#failure = failure;
    this.#watch.close();
    this.#message.off("readable", this.#onReadable);
    this.#message.off("end", this.#onEnd);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.resolve(state === "ended" ? ENDED : FAILED);
  }
}
