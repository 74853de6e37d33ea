/**
 * The body of a request as a byte source: pulled, so that a consumer that waits makes the client wait, not the memory.
 *
 * Only a wait for bytes that somebody wants counts as the client's time, for its idleness and for its pace.
 */
import type { IncomingMessage } from "node:http";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { EdgeLimits } from "#runtime/edge/edge.ts";
import { IdleWatch } from "#runtime/edge/idle-watch.ts";
import type { BodyFailure } from "#runtime/edge/refusal.ts";
import { UploadPace } from "#runtime/edge/upload-pace.ts";
import { assert, type Failure } from "#runtime/errors.ts";

interface Wanted {
  readonly into: Uint8Array;
  readonly resolve: (count: number) => void;
  readonly sinceMs: number;
}

export interface RequestBodyOptions {
  readonly clock: Clock;
  readonly limits: () => EdgeLimits;
  /** Runs before the first byte is asked for: what says `100 Continue`. */
  readonly onFirstRead: () => void;
}

export class RequestBody implements ByteSource {
  readonly #message: IncomingMessage;
  readonly #options: RequestBodyOptions;
  readonly #watch: IdleWatch;
  readonly #pace: UploadPace;
  #wanted: Wanted | undefined;
  /** The piece that came last, while there is more in it than was taken. */
  #piece: Buffer | undefined;
  #takenBytes = 0;
  #isLast = false;
  #failure: Failure | undefined;
  #state: "untouched" | "flowing" | "ended" | "failed" = "untouched";

  constructor(message: IncomingMessage, options: RequestBodyOptions) {
    this.#message = message;
    this.#options = options;
    const readIdleMs = (): number => options.limits().readIdleMs;
    this.#watch = new IdleWatch(options.clock, readIdleMs, () => {
      this.fail({ code: "gateway.read-idle", readIdleMs: readIdleMs() });
    });
    this.#pace = new UploadPace(options.limits);
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  read(into: Uint8Array): Promise<number> {
    assert(this.#wanted === undefined, "a source is read by one consumer, one read at a time");
    if (this.#state === "ended") return Promise.resolve(ENDED);
    if (this.#state === "failed") return Promise.resolve(FAILED);
    if (this.#piece !== undefined) {
      const count = this.#take(this.#piece, into);
      this.#pace.arrived(count, 0);
      return Promise.resolve(count);
    }
    this.#watch.start();
    return new Promise((resolve) => {
      this.#wanted = { into, resolve, sinceMs: this.#options.clock.nowMs() };
      if (this.#state === "untouched") this.#begin();
      else this.#message.resume();
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
    this.#message.on("data", this.#onData);
    this.#message.on("end", this.#onEnd);
    this.#options.onFirstRead();
  }

  readonly #onData = (piece: Buffer): void => {
    const wanted = this.#wanted;
    this.#piece = piece;
    this.#takenBytes = 0;
    if (wanted !== undefined) {
      const waitedMs = this.#options.clock.nowMs() - wanted.sinceMs;
      const tooSlow = this.#pace.arrived(Math.min(piece.byteLength, wanted.into.byteLength), waitedMs);
      if (tooSlow !== undefined) return void this.fail(tooSlow);
      this.#wanted = undefined;
      this.#watch.stop();
      wanted.resolve(this.#take(piece, wanted.into));
    }
    // What nobody wants yet is the only piece that is kept here: the client waits.
    if (this.#piece !== undefined) this.#message.pause();
  };

  readonly #onEnd = (): void => {
    this.#isLast = true;
    if (this.#piece === undefined) this.#settle("ended", undefined);
  };

  #take(piece: Buffer, into: Uint8Array): number {
    const count = Math.min(piece.byteLength - this.#takenBytes, into.byteLength);
    into.set(piece.subarray(this.#takenBytes, this.#takenBytes + count));
    this.#takenBytes += count;
    if (this.#takenBytes < piece.byteLength) return count;
    this.#piece = undefined;
    letGo(piece);
    if (this.#isLast) this.#settle("ended", undefined);
    return count;
  }

  #settle(state: "ended" | "failed", failure: Failure | undefined): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    this.#state = state;
    this.#failure = failure;
    this.#watch.close();
    this.#piece = undefined;
    this.#message.off("data", this.#onData);
    this.#message.pause();
    this.#message.off("end", this.#onEnd);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.resolve(state === "ended" ? ENDED : FAILED);
  }
}

/**
 * Gives the memory of a piece back at once. Every piece of a body is an allocation of its own, up to 64 KiB; left to the
 * collector, a gigabyte of them makes it mark the whole heap some seventy times.
 */
function letGo({ buffer, byteLength }: Buffer): void {
  // Smaller than its memory, it would be a part of what others use too.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
