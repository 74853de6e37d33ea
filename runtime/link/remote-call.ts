/**
 * One call to an actor in another cell, from the caller's request to exactly one answer.
 *
 * Invariants:
 * - it is answered once; whatever comes later is ignored;
 * - it says `executed: "no"` exactly while its request has not been written to a socket;
 * - its deadline is armed until it is answered, and starts anew with every frame of its request's stream;
 * - once its request has left, its source does not outlive it.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import { type Taken, takeOut } from "#runtime/link/body.ts";
import { FLAG, KIND } from "#runtime/link/frame.ts";
import type { FrameWriter } from "#runtime/link/frame-writer.ts";
import type { LinkContext } from "#runtime/link/link-context.ts";
import { type Refusal, writeMessage } from "#runtime/link/message.ts";
import type { Sendable } from "#runtime/link/outbox.ts";
import type { OutgoingStream } from "#runtime/link/outgoing-stream.ts";
import type { Streams } from "#runtime/link/streams.ts";
import type { Target } from "#runtime/link/target.ts";
import type { CallOptions, Within } from "#runtime/ref.ts";
import { Deadline } from "#runtime/wheel.ts";

/** Longest deadline that travels, ms; longer ones, and none, travel as this. Also the longest that a clock takes. */
export const LINK_DEADLINE_MS_MAX: number = 2 ** 31 - 1;

type Answer = Result<unknown, Failure>;

/** Whoever holds the call now: told when it is over without their doing. */
export interface CallHolder {
  /** Deadline or caller ended it; `hasLeft` says whether the other side may know of it. */
  forget(call: RemoteCall): void;
}

export class RemoteCall extends Deadline implements Sendable {
  readonly target: Target;
  readonly name: string;
  readonly waits: boolean;
  /** On the link that it was handed to. */
  id = 0;
  hasLeft = false;
  isAnswered = false;
  holder: CallHolder | undefined;
  #streams: Streams | undefined;
  readonly #context: LinkContext;
  readonly attachedBytes: number;
  /** Until it has left. */
  #request: unknown;
  #taken: Taken | undefined;
  readonly #timeoutMs: number;
  readonly #within: Within | undefined;
  readonly #resolve: (answer: Answer) => void;
  #progressMs: number;
  #stream: OutgoingStream | undefined;

  constructor(
    target: Target,
    name: string,
    request: unknown,
    options: CallOptions,
    context: LinkContext,
    resolve: (answer: Answer) => void,
  ) {
    super();
    this.target = target;
    this.name = name;
    this.waits = options.whenFull === "wait";
    this.#context = context;
    this.#request = request;
    this.#taken = takeOut(request);
    this.attachedBytes = this.#taken?.attachedBytes ?? 0;
    this.#timeoutMs = options.timeoutMs;
    this.#within = options.within?.stable ?? options.within;
    this.#resolve = resolve;
    this.#progressMs = context.clock.nowMs();
  }

  get actor(): string {
    return this.target.actor;
  }

  get isWanted(): boolean {
    return !this.isAnswered;
  }

  /** Arms the deadline. False when it is answered already, because it came too late. */
  begin(): boolean {
    const { actor } = this;
    const dueMs = this.#latestMs();
    if (dueMs <= this.#progressMs) this.fail({ code: "runtime.expired", actor, executed: "no" });
    else if (this.#within?.signal.aborted === true) this.fail({ code: "runtime.cancelled", actor, executed: "no" });
    if (this.isAnswered) return false;
    this.#context.wheel.arm(this, dueMs);
    this.#within?.signal.addEventListener("abort", this.#onCallerGone);
    return true;
  }

  /** Hands it to a link: its `write` comes when its turn has come. */
  assign(id: number, holder: CallHolder, streams: Streams): void {
    this.id = id;
    this.holder = holder;
    this.#streams = streams;
  }

  /** Writes the request. From then on the other side may act on it. */
  write(writer: FrameWriter): void {
    const remainingMs = Math.min(this.#budgetMs(), LINK_DEADLINE_MS_MAX);
    const refusal = writeMessage(
      writer,
      {
        kind: KIND.request,
        flags: this.waits ? FLAG.wait : 0,
        id: this.id,
        argument: Math.max(1, Math.ceil(remainingMs)),
        trace: this.#within?.trace,
        before: [this.actor, this.name],
        message: this.#request,
        taken: this.#taken,
      },
      (source) => this.#openStream(source),
    );
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    this.hasLeft = true;
    this.#request = undefined;
    this.#taken = undefined;
    this.#stream?.start();
  }

  answer(answer: Answer): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.#context.wheel.disarm(this);
    this.#within?.signal.removeEventListener("abort", this.#onCallerGone);
    this.#resolve(answer);
    this.#stream?.stop(answer.ok ? { code: "runtime.call-ended" } : answer.failure);
  }

  fail(failure: CallFailure): void {
    this.answer(fail(failure));
  }

  override onDue(): void {
    const dueMs = this.#latestMs();
    // The caller's own deadline, or the stream, has moved on since.
    if (dueMs > this.#context.clock.nowMs()) {
      this.#context.wheel.arm(this, dueMs);
      return;
    }
    const { actor } = this;
    if (this.hasLeft) this.#giveUp({ code: "runtime.call-timeout", actor, executed: "maybe" });
    else this.#giveUp({ code: "runtime.expired", actor, executed: "no" });
  }

  drop(): void {
    // The link fails all calls that it was handed, written or not.
  }

  #openStream(source: ByteSource): number | undefined {
    const opened = this.#streams?.open(source, () => {
      this.#progressMs = this.#context.clock.nowMs();
    });
    this.#stream = opened?.stream;
    return opened?.id;
  }

  #refuse({ reason, sizeBytes }: Refusal): void {
    const { actor } = this;
    if (reason === "streams-exceeded") this.#giveUp({ code: "runtime.mailbox-full", actor, executed: "no" });
    else this.#giveUp({ code: "runtime.unsendable", actor, reason, sizeBytes, executed: "no" });
  }

  #giveUp(failure: CallFailure): void {
    this.holder?.forget(this);
    this.fail(failure);
  }

  #latestMs(): number {
    return Math.min(this.#progressMs + this.#timeoutMs, this.#within?.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  /** What is left for the callee: with a stream, the pause without progress that is allowed. */
  #budgetMs(): number {
    return this.#stream === undefined ? this.#latestMs() - this.#context.clock.nowMs() : this.#timeoutMs;
  }

  readonly #onCallerGone = (): void => {
    this.#giveUp({ code: "runtime.cancelled", actor: this.actor, executed: this.hasLeft ? "maybe" : "no" });
  };
}
