/**
 * The calling side of a link: requests, casts and monitors go out, replies come back.
 *
 * Credit: a message takes one when it is handed over and gives it back when the other side is done with it: a call with
 * its reply, however late, a cast with an explicit frame. What never left gives it back at once. Targets share it
 * (`Target`), so that a slow one leaves some to the others.
 */
import type { Failure } from "#runtime/errors.ts";
import { decodeFrame, encode, takeOut } from "#runtime/link/body.ts";
import { FLAG, type Frame, KIND } from "#runtime/link/frame.ts";
import { LINK_MESSAGE_CREDIT, LINK_MONITORS_MAX } from "#runtime/link/limits.ts";
import type { Link, LinkFault, LinkRole } from "#runtime/link/link.ts";
import type { LinkContext } from "#runtime/link/link-context.ts";
import { readMessage, writeMessage } from "#runtime/link/message.ts";
import type { CallHolder, RemoteCall } from "#runtime/link/remote-call.ts";
import { isWithinShare } from "#runtime/link/target.ts";
import type { Down } from "#runtime/ref.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

export interface CallerEvents {
  onUp(caller: Caller): void;
  /** There is credit again. */
  onCredit(): void;
  onEnd(): void;
}

/** Enough for a slot for every credit. */
const slotBits = 10;
const slotMask = 2 ** slotBits - 1;
/** Ids stay below 2^31, where shifts keep them positive. */
const generationMask = 2 ** (31 - slotBits) - 1;

interface Monitor {
  readonly actor: string;
  readonly onDown: (down: Down) => void;
}

export class Caller implements LinkRole, CallHolder {
  readonly #link: Link;
  readonly #context: LinkContext;
  readonly #events: CallerEvents;
  /**
   * Calls by slot, the low bits of their id, until their reply has come, wanted or not. Not a map: one whose entries come and go by the hundred thousand keeps
   * dead ones alive from table to table, until they are old.
   */
  readonly #slots: (RemoteCall | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #generation = 0;
  readonly #monitors = new Map<number, Monitor>();
  #creditMax = 0;
  /** Taken and not given back yet. */
  #takenCredit = 0;
  #lastMonitorId = 0;
  #hasEnded = false;

  constructor(link: Link, context: LinkContext, events: CallerEvents) {
    this.#link = link;
    this.#context = context;
    this.#events = events;
  }

  hasRoomFor({ target, attachedBytes }: RemoteCall): boolean {
    const hasCredit = isWithinShare(target.heldCredit, this.#creditMax - this.#takenCredit);
    return hasCredit && this.#link.outbox.hasRoomFor(attachedBytes);
  }

  /** Only with room for it. */
  send(call: RemoteCall): void {
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    // The generation tells a second reply to an earlier call of the slot from the reply to this one.
    this.#generation = (this.#generation + 1) & generationMask;
    call.assign((this.#generation << slotBits) | slot, this, this.#link.streams);
    this.#slots[slot] = call;
    this.#takenCredit += 1;
    call.target.heldCredit += 1;
    this.#link.outbox.message(call);
  }

  /** False without credit or room. */
  cast(actor: string, name: string, message: unknown): boolean {
    const taken = takeOut(message);
    const attachedBytes = taken?.attachedBytes ?? 0;
    if (this.#takenCredit >= this.#creditMax || !this.#link.outbox.hasRoomFor(attachedBytes)) return false;
    this.#takenCredit += 1;
    this.#link.outbox.message({
      isWanted: true,
      attachedBytes,
      write: (writer) => {
        const refusal = writeMessage(
          writer,
          { kind: KIND.cast, flags: 0, id: 0, argument: 0, trace: undefined, before: [actor, name], message, taken },
          () => undefined,
        );
        if (refusal === undefined) return;
        this.#context.metrics.rejected.add(1, { reason: "unsendable" });
        this.#context.log.warn("cast-unsendable", { actor, name, ...refusal });
        this.#giveBack(1);
      },
      drop: () => undefined,
    });
    return true;
  }

  /** `onDown` runs exactly once, unless it is undone before. */
  monitor(actor: string, onDown: (down: Down) => void): () => void {
    if (this.#hasEnded || this.#monitors.size >= LINK_MONITORS_MAX) {
      return downSoon(actor, onDown, this.#context.scheduler);
    }
    do {
      this.#lastMonitorId = (this.#lastMonitorId + 1) >>> 0;
    } while (this.#monitors.has(this.#lastMonitorId));
    const id = this.#lastMonitorId;
    this.#monitors.set(id, { actor, onDown });
    this.#link.outbox.signal({ kind: KIND.monitor, id, argument: 0, body: encode(actor) });
    return () => {
      if (this.#monitors.delete(id)) this.#link.outbox.signal({ kind: KIND.demonitor, id, argument: 0 });
    };
  }

  forget(call: RemoteCall): void {
    if (call.hasLeft) {
      this.#link.outbox.signal({ kind: KIND.cancel, id: call.id, argument: 0 });
      return;
    }
    this.#takeSlot(call.id);
    this.#giveBack(1);
  }

  onUp(messageCredit: number): void {
    this.#creditMax = Math.min(messageCredit, LINK_MESSAGE_CREDIT);
    this.#events.onUp(this);
  }

  onFrame(frame: Frame): LinkFault | undefined {
    switch (frame.kind) {
      case KIND.reply:
        return this.#reply(frame);
      case KIND.credit:
        if (frame.argument > this.#takenCredit) return "credit-exceeded";
        this.#giveBack(frame.argument);
        return undefined;
      case KIND.down:
        return this.#down(frame);
      default:
        return "frame-malformed";
    }
  }

  onEnd(): void {
    this.#hasEnded = true;
    this.#creditMax = 0;
    const slots = this.#slots.splice(0);
    for (const call of slots) {
      if (call === undefined) continue;
      const { actor, target } = call;
      target.heldCredit -= 1;
      call.holder = undefined;
      if (call.hasLeft) call.fail({ code: "runtime.link-lost", actor, executed: "maybe" });
      else call.fail({ code: "runtime.not-connected", actor, executed: "no" });
    }
    // First: who monitors again inside a DOWN means the next link.
    this.#events.onEnd();
    // One by one: a DOWN may undo monitors that were to hear of it later.
    for (const [id, { actor, onDown }] of this.#monitors) {
      this.#monitors.delete(id);
      onDown(noConnection(actor));
    }
  }

  #reply(frame: Frame): LinkFault | undefined {
    // Only a reply gives a slot back, so nothing but a request that is not answered yet is found by its id.
    const call = this.#takeSlot(frame.id);
    if (call === undefined) return "reply-unexpected";
    const fault = call.isAnswered ? this.#lateReply(frame) : this.#answer(call, frame);
    if (fault === undefined) this.#giveBack(1);
    return fault;
  }

  #answer(call: RemoteCall, frame: Frame): LinkFault | undefined {
    let fault: LinkFault | undefined;
    const read = readMessage(frame, 0, (streamId) => {
      const source = this.#link.streams.accept(streamId, () => undefined);
      if (typeof source !== "string") return source;
      fault = source;
      return undefined;
    });
    if (read === undefined) {
      call.fail({ code: "runtime.link-lost", actor: call.actor, executed: "maybe" });
      return fault ?? "body-malformed";
    }
    const isOk = (frame.flags & FLAG.ok) !== 0;
    if (isOk) call.answer({ ok: true, value: read.message });
    else if (isFailure(read.message)) call.answer({ ok: false, failure: read.message });
    else {
      call.fail({ code: "runtime.link-lost", actor: call.actor, executed: "maybe" });
      return "body-malformed";
    }
    return undefined;
  }

  /** Nobody waits for it, but its stream would. */
  #lateReply(frame: Frame): LinkFault | undefined {
    if ((frame.flags & FLAG.streamed) === 0) return undefined;
    const read = readMessage(frame, 0, (streamId) => {
      this.#link.streams.refuse(streamId, { code: "runtime.call-ended" });
      return nobody;
    });
    return read === undefined ? "body-malformed" : undefined;
  }

  #down(frame: Frame): LinkFault | undefined {
    const reason = decodeFrame(frame);
    if (!isDownReason(reason)) return "body-malformed";
    const monitor = this.#monitors.get(frame.id);
    this.#monitors.delete(frame.id);
    monitor?.onDown({ actor: monitor.actor, incarnation: frame.argument, reason });
    return undefined;
  }

  #giveBack(count: number): void {
    this.#takenCredit -= count;
    this.#events.onCredit();
  }

  /** The call with this id, which is from now on unknown. */
  #takeSlot(id: number): RemoteCall | undefined {
    const slot = id & slotMask;
    const call = this.#slots[slot];
    if (call === undefined || call.id !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#freeSlots.push(slot);
    call.target.heldCredit -= 1;
    return call;
  }
}

/** DOWN soon, for a monitor that cannot be kept. Answers with its undo. */
export function downSoon(actor: string, onDown: (down: Down) => void, scheduler: Scheduler): () => void {
  let isUndone = false;
  scheduler.microtask(() => {
    if (!isUndone) onDown(noConnection(actor));
  });
  return () => {
    isUndone = true;
  };
}

/** DOWN of an actor that cannot be seen from here. */
export function noConnection(actor: string): Down {
  return { actor, incarnation: 0, reason: "no-connection" };
}

/** Stands in for a source that nobody will read. */
const nobody = { read: () => Promise.resolve(-1), cancel: () => undefined, failure: undefined };

const downReasons: ReadonlySet<unknown> = new Set<Down["reason"]>([
  "normal",
  "shutdown",
  "killed",
  "crashed",
  "no-actor",
  "no-connection",
]);

function isDownReason(value: unknown): value is Down["reason"] {
  return downReasons.has(value);
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "code" in value && typeof value.code === "string";
}
