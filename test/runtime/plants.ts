/**
 * Bugs that the model (`test/runtime/model`) and the explorer (`test/runtime/explore`) are seen to catch.
 *
 * Each text is one short line of the source, so that the table survives what does not change the meaning of that line.
 */
import type { Plant } from "#test/kit/planted.ts";

const MODEL = {
  file: "test/runtime/model/model.test.ts",
  test: "agrees with the model, accounts for every attempt, and leaves nothing behind",
};
const exploring = (test: string): Plant["check"] => ({ file: "test/runtime/explore/actor.test.ts", test });
const busExploring = (test: string): Plant["check"] => ({ file: "test/runtime/explore/bus.test.ts", test });

export const PLANTS: readonly Plant[] = [
  // Messages
  {
    name: "a lane is last in, first out",
    file: "runtime/lane.ts",
    from: "this.#slots[(this.#head + this.#depth) & (this.#slots.length - 1)] = item;",
    to: "this.#head = (this.#head - 1) & (this.#slots.length - 1); this.#slots[this.#head] = item;",
    check: MODEL,
    says: "out of order",
  },
  {
    name: "a lane is last in, first out, in every interleaving",
    file: "runtime/lane.ts",
    from: "this.#slots[(this.#head + this.#depth) & (this.#slots.length - 1)] = item;",
    to: "this.#head = (this.#head - 1) & (this.#slots.length - 1); this.#slots[this.#head] = item;",
    check: exploring("of two senders keep the order of each, in all 84 interleavings (2 and 2 casts to one actor)"),
    says: "what one sender sent is handled in that order",
  },
  {
    name: "a full mailbox accepts a message and drops it",
    file: "runtime/mailbox.ts",
    from: 'if (this.#overflow === "reject") return REJECTED;',
    to: 'if (this.#overflow === "reject") return ACCEPTED;',
    check: MODEL,
    says: "is accepted where it should be rejected",
  },
  {
    name: "a message that expired while it waited is handled all the same",
    file: "runtime/incarnation.ts",
    from: "if (call?.answered === true) return;",
    to: "",
    check: MODEL,
    says: "handled, and its outcome denies it",
  },
  {
    name: "a message that expired while it waited is handled in some interleaving",
    file: "runtime/incarnation.ts",
    from: "if (call?.answered === true) return;",
    to: "",
    check: exploring("that expire while they wait are not handled, whenever time passes"),
    says: "was handled, and its answer denies it",
  },
  {
    name: "callers that wait for room are forgotten",
    file: "runtime/actor.ts",
    from: "if (this.#waiting.depth > 0) this.#admitWaiting();",
    to: "",
    check: MODEL,
    says: "left behind at an actor that could go on",
  },
  {
    name: "callers that wait for room are forgotten in some interleaving",
    file: "runtime/actor.ts",
    from: "if (this.#waiting.depth > 0) this.#admitWaiting();",
    to: "",
    check: exploring("of callers that wait for room are all handled, first come, first served"),
    says: "nobody waits for ever",
  },
  {
    name: "the deadline of an answered call stays armed",
    file: "runtime/pending-call.ts",
    from: "this.#machine.wheel.disarm(this);",
    to: "",
    check: exploring("past the capacity are refused or displaced, never lost"),
    says: "no deadline is left behind",
  },

  // Lives
  {
    name: "a stopped actor takes messages",
    file: "runtime/actor.ts",
    from: "this.#isOpen = false;\n    this.#failLane();",
    to: "this.#failLane();",
    check: MODEL,
    says: "is accepted where it should be stopped",
  },
  {
    name: "a stopped actor takes messages in some interleaving",
    file: "runtime/actor.ts",
    from: "this.#isOpen = false;\n    this.#failLane();",
    to: "this.#failLane();",
    check: exploring("stop against two callers: each call ran and was answered, or did not run"),
    says: "is answered once, and not 0 times",
  },
  {
    name: "an incarnation that has crashed goes on with the next message",
    file: "runtime/actor.ts",
    from: 'while (turns < SLOT_TURNS_MAX && this.#lifecycle === "running") {',
    to: "while (turns < SLOT_TURNS_MAX) {",
    check: MODEL,
    says: "after its end, life",
  },
  {
    name: "the next life begins beside what is left of the last one",
    file: "runtime/actor.ts",
    from: "(await this.#incarnation?.ended) ?? { clean: true };\n    if (!clean)",
    to: "{ clean: true };\n    if (!clean)",
    check: MODEL,
    says: "begins a life beside what is left of the last one",
  },
  {
    name: "an incarnation that ends leaves its timers behind",
    file: "runtime/context.ts",
    from: "const forget = this.scope.add(() => timer.cancel());",
    to: "const forget = this.scope.add(() => undefined);",
    check: MODEL,
    says: "timers are left",
  },
  {
    name: "an incarnation that ends leaves its resources open",
    file: "runtime/incarnation.ts",
    from: "const errors = await this.scope.close();",
    to: "const errors: unknown[] = [];",
    check: MODEL,
    says: /begins a life beside what is left of the last one|resources of \w+ are left open/,
  },

  // Control signals
  {
    name: "a control turn is lost when another one waits",
    file: "runtime/mailbox.ts",
    from: "control(turn: Turn): void {",
    to: "control(turn: Turn): void {\n    if (this.#control.depth > 0) return;",
    check: MODEL,
    says: "never told",
  },
  {
    name: "the place of a task is never free again",
    file: "runtime/context.ts",
    from: "incarnation.tasks.delete(slot);\n          return settle",
    to: "return settle",
    check: MODEL,
    says: "left behind at an actor that could go on",
  },
  {
    name: "a monitor is told again at the end of the next life",
    file: "runtime/actor.ts",
    from: "this.#monitors.clear();",
    to: "",
    check: MODEL,
    says: "told twice: the DOWN of",
  },
  {
    name: "a monitor is told again in some interleaving",
    file: "runtime/actor.ts",
    from: "this.#monitors.clear();",
    to: "",
    check: exploring("every monitor sees one DOWN, whether it was set before, between or after two lives"),
    says: "one DOWN a monitor",
  },
  {
    name: "one monitor of several is not told",
    file: "runtime/actor.ts",
    from: "for (const onDown of monitors) onDown(down);",
    to: "for (const onDown of monitors.slice(1)) onDown(down);",
    check: MODEL,
    says: "the DOWN of",
  },
  {
    name: "one monitor of several is not told, in some interleaving",
    file: "runtime/actor.ts",
    from: "for (const onDown of monitors) onDown(down);",
    to: "for (const onDown of monitors.slice(1)) onDown(down);",
    check: exploring("every monitor sees one DOWN, whether it was set before, between or after two lives"),
    says: "one DOWN a monitor",
  },

  // Links
  {
    name: "a link writes each message twice",
    file: "runtime/link/outbox.ts",
    from: "if (message.isWanted) message.write(this.#writer);",
    to: "for (let time = 0; time < 2; time += 1) if (message.isWanted) message.write(this.#writer);",
    check: MODEL,
    says: /handled twice|a link broke its own rules: credit-exceeded/,
  },
  {
    name: "a link answers each request twice",
    file: "runtime/link/callee.ts",
    from: "this.#link.outbox.message(new Reply(call, result, this.#link));",
    to: "for (let time = 0; time < 2; time += 1) this.#link.outbox.message(new Reply(call, result, this.#link));",
    check: MODEL,
    says: "a link broke its own rules: credit-exceeded",
  },
  {
    name: "the late reply to a past call answers the one that has its place",
    file: "runtime/link/caller.ts",
    from: "if (call === undefined || call.id !== id) return undefined;",
    to: "if (call === undefined) return undefined;",
    check: MODEL,
    says: /the answer to another request|its outcome denies it/,
  },
  {
    name: "a lost link says that what was sent did not run",
    file: "runtime/link/caller.ts",
    from: 'if (call.hasLeft) call.fail({ code: "runtime.link-lost"',
    to: 'if (call.hasLeft && false) call.fail({ code: "runtime.link-lost"',
    check: MODEL,
    says: "handled, and its outcome denies it",
  },
  {
    name: "a lost link does not tell its monitors",
    file: "runtime/link/caller.ts",
    from: "for (const { actor, onDown } of monitors) onDown(noConnection(actor));",
    to: "",
    check: MODEL,
    says: "told 0 times at the end: the DOWN of",
  },

  // Supervision
  {
    name: "a child is restarted once more than its budget says",
    file: "supervisor/budget.ts",
    from: "if (this.#momentsMs.length <= this.#budget.restartsMax) return false;",
    to: "if (this.#momentsMs.length <= this.#budget.restartsMax + 1) return false;",
    check: MODEL,
    says: "is restarted past its",
  },
  {
    name: "a child is quarantined one crash too early",
    file: "supervisor/budget.ts",
    from: "if (this.#momentsMs.length <= this.#budget.restartsMax) return false;",
    to: "if (this.#momentsMs.length < this.#budget.restartsMax) return false;",
    check: MODEL,
    says: "is quarantined inside its budget",
  },
  {
    name: "a child that is held while it waits for its restart comes back",
    file: "supervisor/supervisor.ts",
    from: "entry.parkedBy = undefined;\n    if (isAlive(entry.state)) entry.toStop = true;\n    else this",
    to: "entry.parkedBy = undefined;\n    if (isAlive(entry.state)) entry.toStop = true;\n    else if (this.#closing) this",
    check: MODEL,
    says: "and held",
  },

  {
    name: "a supervisor restarts once more than its intensity says",
    file: "supervisor/supervisor.ts",
    from: "new RestartWindow(options.intensity)",
    to: "new RestartWindow({ ...options.intensity, restartsMax: options.intensity.restartsMax + 1 })",
    check: MODEL,
    says: "is restarted past its supervisor's intensity",
  },

  // Bus
  {
    name: "a subscriber that lags learns of one loss fewer",
    file: "runtime/bus.ts",
    from: "const laggedCount = Math.max(0, oldest - subscription.cursor);",
    to: "const laggedCount = Math.max(0, oldest - subscription.cursor - 1);",
    check: busExploring(
      "2 publishers of 2 events and 2 subscribers of 2 reads agree with a list in all 2520 interleavings",
    ),
    says: "the oldest that is kept, and the exact lag",
  },
  {
    name: "a subscriber that waits misses what wakes it",
    file: "runtime/bus.ts",
    from: "resolve(this.take());",
    to: "this.take();\n    resolve(this.take());",
    check: busExploring("subscribers that wait hear each event once, and the end, in every interleaving"),
    says: "the oldest that is kept, and the exact lag",
  },
];
