/**
 * What becomes of messages that an actor had accepted and did not finish: each caller is told, and each message gets
 * another chance or is a dead letter.
 */
import type { Actor } from "#runtime/actor.ts";
import type { ActorCrashed, ActorStopped, MailboxFull, Poison } from "#runtime/call-failure.ts";
import { type DeadLetter, type DeadLetterReason, DeadLetters, ENTERED_MAX } from "#runtime/dead-letters.ts";
import { type ExitReason, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Mailbox } from "#runtime/mailbox.ts";
import { type Message, Told } from "#runtime/message.ts";

/** A dead letter could not be sent again. It is kept. */
export interface NotReplayed extends Failure<"runtime.not-replayed"> {
  readonly actor: string;
  readonly letter: number;
  readonly reason: "no-such-letter" | "not-replayable" | "rejected" | "stopped";
}

export class Losses {
  readonly #actor: Actor;
  readonly #mailbox: Mailbox<unknown, Message>;
  readonly #letters = new DeadLetters();

  constructor(actor: Actor, mailbox: Mailbox<unknown, Message>) {
    this.#actor = actor;
    this.#mailbox = mailbox;
  }

  get letters(): readonly DeadLetter[] {
    return this.#letters.list();
  }

  /** A newer message took its place. */
  displaced(message: Message): void {
    const { name, machine } = this.#actor;
    machine.rejected.add(1, { reason: "mailbox-displaced" });
    const full: MailboxFull = { code: "runtime.mailbox-full", actor: name, executed: "no" };
    // One with a second chance has run before.
    message.call?.fail(message.call.begun ? crashed(name) : full);
    this.#bury(message, "displaced");
  }

  /** The incarnation ended with it in hand. One that may run twice goes to the next incarnation. */
  inHand(message: Message, reason: ExitReason, mayRunAgain: boolean): void {
    const { call } = message;
    if (call?.hasReply === true) {
      // What is settled behind a reply is no loss of the call.
      call.abort();
      return;
    }
    message.entered += 1;
    const isWanted = call === undefined || (!call.answered && !call.hasSource);
    if (reason.kind === "crashed" && mayRunAgain && isWanted) {
      if (message.entered >= ENTERED_MAX) this.#poisoned(message);
      else {
        call?.handOver();
        this.#mailbox.putBack(message);
      }
      return;
    }
    this.#lost(message, reason);
  }

  /** The actor has no handler of that name: it comes from where types were not looked at. */
  unknown(message: Message): void {
    const { name, machine } = this.#actor;
    machine.rejected.add(1, { reason: "unknown-message" });
    message.call?.fail({ code: "runtime.unknown-message", actor: name, executed: "no" });
    this.#bury(message, "unknown");
  }

  /** The incarnation ended while a task of it was in flight. */
  inFlight(message: Message, reason: ExitReason): void {
    const { call } = message;
    if (call?.hasReply === true) {
      // It was handled. What went on behind the reply is told to stop.
      call.abort();
      return;
    }
    message.entered += 1;
    this.#lost(message, reason);
  }

  #lost(message: Message, reason: ExitReason): void {
    message.call?.fail(crashed(this.#actor.name));
    this.#bury(message, reason.kind === "crashed" ? "crashed" : "stopped");
  }

  /** No incarnation will handle what waits. */
  waiting(): void {
    const actor = this.#actor.name;
    const stopped: ActorStopped = { code: "runtime.actor-stopped", actor, executed: "no" };
    for (let message = this.#mailbox.take(); message !== undefined; message = this.#mailbox.take()) {
      message.call?.fail(message.call.begun ? crashed(actor) : stopped);
      this.#bury(message, "stopped");
    }
  }

  /** Sends a letter again, as a message that nobody waits for. */
  replay(id: number): Result<void, NotReplayed> {
    const letter = this.#letters.take(id);
    if (letter === undefined) return this.#notReplayed(id, "no-such-letter");
    const outcome = letter.isReplayable ? this.#actor.accept(new Told(letter.name, letter.request)) : "not-replayable";
    if (outcome === "accepted") return ok();
    this.#letters.restore(letter);
    return this.#notReplayed(id, outcome);
  }

  #poisoned(message: Message): void {
    const { name, machine, log, incarnation } = this.#actor;
    const { entered } = message;
    machine.rejected.add(1, { reason: "poison" });
    log.error("actor.poison", { message: message.name, entered, incarnation });
    message.call?.fail({ code: "runtime.poison", actor: name, entered, executed: "maybe" } satisfies Poison);
    this.#bury(message, "poison");
  }

  #bury(message: Message, reason: DeadLetterReason): void {
    const { incarnation, machine } = this.#actor;
    this.#actor.pace.lost(message);
    this.#letters.add(message, reason, incarnation, machine.clock.wallMs());
  }

  #notReplayed(letter: number, reason: NotReplayed["reason"]): Result<never, NotReplayed> {
    return fail({ code: "runtime.not-replayed", actor: this.#actor.name, letter, reason });
  }
}

function crashed(actor: string): ActorCrashed {
  return { code: "runtime.actor-crashed", actor, executed: "maybe" };
}
