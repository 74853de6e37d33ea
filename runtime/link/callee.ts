/**
 * The serving side of a link: requests and casts come in and are handed to the actors of this cell.
 *
 * Every request is answered once, even when nobody waits any more, because its reply gives the credit back. When the
 * link ends, the calls in hand are cancelled and what they answer is dropped.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { ActorStopped, LinkLost, Unsendable } from "#runtime/call-failure.ts";
import { Cancellation } from "#runtime/cancellation.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import { decodeFrame, encode, type Taken, takeOut } from "#runtime/link/body.ts";
import type { ErasedRef } from "#runtime/link/erased-ref.ts";
import { FLAG, type Frame, KIND } from "#runtime/link/frame.ts";
import type { FrameWriter } from "#runtime/link/frame-writer.ts";
import { LINK_MONITORS_MAX } from "#runtime/link/limits.ts";
import type { Link, LinkFault, LinkRole } from "#runtime/link/link.ts";
import type { LinkContext } from "#runtime/link/link-context.ts";
import { type MessageFrame, type Refusal, readMessage, writeMessage } from "#runtime/link/message.ts";
import type { Sendable } from "#runtime/link/outbox.ts";
import { LINK_DEADLINE_MS_MAX } from "#runtime/link/remote-call.ts";
import type { Trace, Within } from "#runtime/ref.ts";

export interface CalleeOptions {
  readonly context: LinkContext;
  readonly local: (name: string) => ErasedRef | undefined;
  readonly onEnd: () => void;
}

/** A request in hand, as the context that the local call inherits. */
class InboundCall extends Cancellation implements Within {
  readonly id: number;
  readonly actor: string;
  readonly deadlineMs: number;
  readonly trace: Trace | undefined;
  readonly source: ByteSource | undefined;
  /** Where the callee keeps it. */
  place = 0;

  constructor(id: number, actor: string, deadlineMs: number, trace: Trace | undefined, source: ByteSource | undefined) {
    super();
    this.id = id;
    this.actor = actor;
    this.deadlineMs = deadlineMs;
    this.trace = trace;
    this.source = source;
  }
}

export class Callee implements LinkRole {
  readonly #link: Link;
  readonly #options: CalleeOptions;
  /** In no order. An array, because a cancel is rare and an end of the link rarer: see the caller's slots. */
  readonly #inHand: InboundCall[] = [];
  /** Undo of each monitor that the other side holds. */
  readonly #monitors = new Map<number, () => void>();
  /** Casts that are done with and whose credit is not given back yet. */
  #castCredit = 0;
  #hasEnded = false;

  constructor(link: Link, options: CalleeOptions) {
    this.#link = link;
    this.#options = options;
  }

  onUp(): void {
    // It has nothing to say before it is asked.
  }

  onFrame(frame: Frame): LinkFault | undefined {
    switch (frame.kind) {
      case KIND.request:
        return this.#request(frame);
      case KIND.cast:
        return this.#cast(frame);
      case KIND.cancel:
        this.#inHand.find(({ id }) => id === frame.id)?.callOff();
        return undefined;
      case KIND.monitor:
        return this.#monitor(frame);
      case KIND.demonitor:
        this.#monitors.get(frame.id)?.();
        this.#monitors.delete(frame.id);
        return undefined;
      default:
        return "frame-malformed";
    }
  }

  onEnd(): void {
    this.#hasEnded = true;
    for (const call of this.#inHand.splice(0)) call.callOff();
    for (const undo of this.#monitors.values()) undo();
    this.#monitors.clear();
    this.#options.onEnd();
  }

  #request(frame: Frame): LinkFault | undefined {
    const { context, local } = this.#options;
    if (this.#inHand.length >= context.limits.messageCredit) return "credit-exceeded";
    let fault: LinkFault | undefined;
    let source: ByteSource | undefined;
    const read = readMessage(frame, 2, (streamId) => {
      const accepted = this.#link.streams.accept(streamId, () => undefined);
      if (typeof accepted === "string") fault = accepted;
      else source = accepted;
      return source;
    });
    const [actor, name] = read?.before ?? [];
    if (read === undefined || typeof actor !== "string" || typeof name !== "string") return fault ?? "body-malformed";

    const timeoutMs = Math.min(frame.argument, LINK_DEADLINE_MS_MAX);
    // With a stream the deadline is one of progress: the callee's runtime re-arms it, and the caller watches over both.
    const deadlineMs = source === undefined ? context.clock.nowMs() + timeoutMs : Number.POSITIVE_INFINITY;
    const call = new InboundCall(frame.id, actor, deadlineMs, read.trace, source);
    call.place = this.#inHand.push(call) - 1;
    const ref = local(actor);
    if (ref === undefined) {
      this.#answer(call, fail<ActorStopped>({ code: "runtime.actor-stopped", actor, executed: "no" }));
      return undefined;
    }
    const whenFull = (frame.flags & FLAG.wait) === 0 ? "reject" : "wait";
    void ref
      .call(name, read.message, { timeoutMs, within: call, whenFull })
      .then((result) => this.#answer(call, result));
    return undefined;
  }

  #answer(call: InboundCall, result: Result<unknown, Failure>): void {
    call.source?.cancel({ code: "runtime.call-ended" });
    if (this.#hasEnded) {
      dropSource(result, this.#link.cell);
      return;
    }
    this.#remove(call);
    const { outbox } = this.#link;
    const reply = new Reply(call, result, this.#link);
    if (outbox.hasRoomFor(reply.attachedBytes)) {
      outbox.message(reply);
      return;
    }
    reply.drop();
    const refusal: Refusal = { reason: "outbox-full", sizeBytes: reply.attachedBytes };
    outbox.message(new Reply(call, fail(unsendable(call.actor, refusal)), this.#link));
  }

  /** The last one takes its place. */
  #remove(call: InboundCall): void {
    const last = this.#inHand.pop();
    if (last === undefined || last === call) return;
    last.place = call.place;
    this.#inHand[call.place] = last;
  }

  #cast(frame: Frame): LinkFault | undefined {
    const read = readMessage(frame, 2, () => undefined);
    const [actor, name] = read?.before ?? [];
    if (read === undefined || typeof actor !== "string" || typeof name !== "string") return "body-malformed";

    const outcome = this.#options.local(actor)?.cast(name, read.message) ?? "stopped";
    if (outcome !== "accepted") this.#options.context.metrics.rejected.add(1, { reason: `cast-${outcome}` });
    this.#castCredit += 1;
    // Together for all casts of this turn.
    if (this.#castCredit === 1) this.#options.context.scheduler.macrotask(this.#giveCastCredit);
    return undefined;
  }

  readonly #giveCastCredit = (): void => {
    this.#link.outbox.signal({ kind: KIND.credit, id: 0, argument: this.#castCredit });
    this.#castCredit = 0;
  };

  #monitor(frame: Frame): LinkFault | undefined {
    const actor = decodeFrame(frame);
    const { id } = frame;
    if (typeof actor !== "string" || this.#monitors.has(id)) return "body-malformed";
    if (this.#monitors.size >= LINK_MONITORS_MAX) return "monitors-exceeded";

    const tell = (incarnation: number, reason: string): void => {
      this.#monitors.delete(id);
      this.#link.outbox.signal({ kind: KIND.down, id, argument: incarnation, body: encode(reason) });
    };
    const ref = this.#options.local(actor);
    if (ref === undefined) {
      tell(0, "no-actor");
      return undefined;
    }
    // It may be told before `monitor` returns: then there is nothing left to undo.
    let isDown = false;
    const undo = ref.monitor(({ incarnation, reason }) => {
      isDown = true;
      tell(incarnation, reason);
    });
    if (!isDown) this.#monitors.set(id, undo);
    return undefined;
  }
}

/** A reply that waits for its turn. */
class Reply implements Sendable {
  /** Even when nobody waits for it: it carries the credit. */
  readonly isWanted = true;
  readonly attachedBytes: number;
  readonly #call: InboundCall;
  readonly #result: Result<unknown, Failure>;
  readonly #taken: Taken | undefined;
  readonly #link: Link;

  constructor(call: InboundCall, result: Result<unknown, Failure>, link: Link) {
    this.#call = call;
    this.#result = result;
    this.#taken = takeOut(result.ok ? result.value : result.failure);
    this.attachedBytes = this.#taken?.attachedBytes ?? 0;
    this.#link = link;
  }

  write(writer: FrameWriter): void {
    const result = this.#result;
    let start: (() => void) | undefined;
    const message = result.ok ? result.value : result.failure;
    const refusal = writeMessage(writer, this.#frame(result.ok, message, this.#taken), (source) => {
      const opened = this.#link.streams.open(source, () => undefined);
      start = () => opened?.stream.start();
      return opened?.id;
    });
    if (refusal === undefined) {
      start?.();
      return;
    }
    dropSource(result, this.#link.cell);
    writeMessage(writer, this.#frame(false, unsendable(this.#call.actor, refusal), undefined), () => undefined);
  }

  drop(): void {
    dropSource(this.#result, this.#link.cell);
  }

  #frame(isOk: boolean, message: unknown, taken: Taken | undefined): MessageFrame {
    const flags = isOk ? FLAG.ok : 0;
    return { kind: KIND.reply, flags, id: this.#call.id, argument: 0, trace: undefined, before: [], message, taken };
  }
}

function unsendable(actor: string, { reason, sizeBytes }: Refusal): Unsendable {
  return { code: "runtime.unsendable", actor, reason, sizeBytes, executed: "maybe" };
}

/** A reply that goes nowhere: its source, if it has one, is given up. */
function dropSource(result: Result<unknown, Failure>, cell: string): void {
  if (!result.ok) return;
  const lost: LinkLost = { code: "runtime.link-lost", actor: cell, executed: "maybe" };
  takeOut(result.value)?.source?.source.cancel(lost);
}
