/**
 * Bugs that the model (`test/runtime/model`) and explored actors (`test/runtime/explore/actor.test.ts`) are seen to catch.
 *
 * Each text is one short line of the source, so that the table survives what does not change the meaning of that line.
 */
import type { Plant } from "#test/kit/planted.ts";

const MODEL = {
  file: "test/runtime/model/model.test.ts",
  test: "agrees with the model, accounts for every attempt, and leaves nothing behind",
};
const exploring = (test: string): Plant["check"] => ({ file: "test/runtime/explore/actor.test.ts", test });
/** The model catches it where no other check is named. */
type Row = Omit<Plant, "check"> & Partial<Pick<Plant, "check">>;

/** One that both catch. */
function twice(
  plant: Omit<Plant, "check" | "says">,
  modelSays: Plant["says"],
  { test, says }: { readonly test: string; readonly says: Plant["says"] },
): readonly Row[] {
  return [
    { ...plant, says: modelSays },
    { ...plant, check: exploring(test), says },
  ];
}

const TABLE: readonly Row[] = [
  // Messages
  ...twice(
    {
      name: "a lane is last in, first out",
      file: "runtime/lane.ts",
      from: "this.#slots[(this.#head + this.#depth) & (this.#slots.length - 1)] = item;",
      to: "this.#head = (this.#head - 1) & (this.#slots.length - 1); this.#slots[this.#head] = item;",
    },
    "out of order",
    {
      test: "of two senders keep the order of each, in all 84 interleavings (2 and 2 casts to one actor)",
      says: "what one sender sent is handled in that order",
    },
  ),
  {
    name: "a full mailbox accepts a message and drops it",
    file: "runtime/mailbox.ts",
    from: 'if (this.#overflow === "reject") return REJECTED;',
    to: 'if (this.#overflow === "reject") return ACCEPTED;',
    says: /is accepted where it should be rejected|left behind at an actor that could go on/,
  },
  {
    name: "a call that was given up while it waited is handled all the same",
    file: "runtime/mailbox.ts",
    from: "if (this.#unqueue(message)) return message;",
    to: "this.#unqueue(message);\n      return message;",
    says: /handled, and its outcome denies it|a dead letter of a call that was given up/,
  },
  {
    name: "a call that expires while it waits is forgotten",
    file: "runtime/pending-call.ts",
    from: "expire(): void {\n    if (this.answered) return;",
    to: "expire(): void {\n    if (!this.begun) return;",
    check: exploring("that expire while they wait are not handled, whenever time passes"),
    says: "is answered once, and not 0 times",
  },
  ...twice(
    {
      name: "callers that wait for room are forgotten",
      file: "runtime/mailbox.ts",
      from: "if (this.#waiting !== undefined) this.#admitWaiting();",
      to: "",
    },
    "left behind at an actor that could go on",
    { test: "of callers that wait for room are all handled, first come, first served", says: "nobody waits for ever" },
  ),
  {
    name: "the deadline of an answered call stays armed",
    file: "runtime/pending-call.ts",
    from: "this.#actor.machine.wheel.disarm(this);",
    to: "",
    check: exploring("past the capacity are refused or displaced, never lost"),
    says: "no deadline is left behind",
  },

  {
    name: "a call that times out in its handler says that it did not run",
    file: "runtime/pending-call.ts",
    from: 'if (this.begun) this.fail({ code: "runtime.call-timeout"',
    to: 'if (this.begun && false) this.fail({ code: "runtime.call-timeout"',
    says: "handled, and its outcome denies it",
  },
  {
    name: "what waits at a stop is lost without a dead letter",
    file: "runtime/losses.ts",
    from: 'this.#bury(message, "stopped");',
    to: "",
    says: "accepted, lost, and no dead letter",
  },
  {
    name: "a message with a second chance never gets it",
    file: "runtime/losses.ts",
    from: "        this.#mailbox.putBack(message);",
    to: "",
    says: /left behind at an actor|never answered/,
  },
  {
    name: "a second chance comes after all that waits",
    file: "runtime/mailbox.ts",
    from: "    this.#user.putBack(message);",
    to: "    this.#user.push(message);",
    check: exploring("a message with a second chance has it before all that waits, and one answer"),
    says: "the second chance comes next",
  },
  {
    name: "a poisonous message takes down one life more than it may",
    file: "runtime/losses.ts",
    from: "if (message.entered >= ENTERED_MAX)",
    to: "if (message.entered > ENTERED_MAX)",
    says: "handled too often: stumble",
  },

  // Lives
  ...twice(
    {
      name: "a stopped actor takes messages",
      file: "runtime/actor.ts",
      from: "this.#isOpen = false;",
      to: "",
    },
    /is accepted where it should be stopped|messages are left at/,
    {
      test: "stop against two callers: each call ran and was answered, or did not run",
      says: "is answered once, and not 0 times",
    },
  ),
  {
    name: "an incarnation that has crashed goes on with the next message",
    file: "runtime/actor.ts",
    from: 'while (turns + expired < turnsMax && this.#lifecycle === "running") {',
    to: "while (turns + expired < turnsMax) {",
    says: "after its end, life",
  },
  {
    name: "the next life begins beside what is left of the last one",
    file: "runtime/actor.ts",
    from: "last instanceof Promise ? await last : (last ?? CLEAN);",
    to: "CLEAN;",
    says: "begins a life beside what is left of the last one",
  },
  {
    name: "an incarnation that ends leaves its timers behind",
    file: "runtime/context.ts",
    from: "const forget = this.scope.add(() => timer.cancel());",
    to: "const forget = this.scope.add(() => undefined);",
    says: "timers are left",
  },
  {
    name: "an incarnation that ends leaves its resources open",
    file: "runtime/incarnation.ts",
    from: "const errors = await scope.close();",
    to: "const errors: unknown[] = [];",
    says: /begins a life beside what is left of the last one|resources of \w+ are left open/,
  },

  // Control signals
  {
    name: "a control turn is lost when another one waits",
    file: "runtime/mailbox.ts",
    from: "control(turn: Turn): boolean {",
    to: "control(turn: Turn): boolean {\n    if ((this.#control?.depth ?? 0) > 0) return true;",
    says: "never told",
  },
  {
    name: "the next life begins beside a handler that goes on",
    file: "runtime/incarnation.ts",
    from: "if (this.#held !== undefined) await this.#turnOver(this.#held);",
    to: "",
    says: /begins beside life|is terminated beside its handler/,
  },
  {
    name: "the place of a task is never free again",
    file: "runtime/context.ts",
    from: "        incarnation.tasks.leave(slot);\n        // The task",
    to: "        // The task",
    says: /left behind at an actor that could go on|accepted, lost, and no dead letter/,
  },
  ...twice(
    {
      name: "a monitor is told twice",
      file: "runtime/monitors.ts",
      from: "watch.onDown(down);",
      to: "watch.onDown(down);\n        watch.onDown(down);",
    },
    "told twice: the DOWN of",
    {
      test: "every monitor sees one DOWN, whether it was set before, between or after two lives",
      says: "one DOWN a monitor",
    },
  ),
  ...twice(
    {
      name: "one monitor of several is not told",
      file: "runtime/monitors.ts",
      from: "for (const watch of watches) {",
      to: "for (const watch of [...watches].slice(1)) {",
    },
    "the DOWN of",
    {
      test: "every monitor sees one DOWN, whether it was set before, between or after two lives",
      says: "one DOWN a monitor",
    },
  ),

  // Links
  {
    name: "a link writes each message twice",
    file: "runtime/link/outbox.ts",
    from: "if (message.isWanted) message.write(this.#writer);",
    to: "for (let time = 0; time < 2; time += 1) if (message.isWanted) message.write(this.#writer);",
    says: /handled twice|a link broke its own rules: (credit-exceeded|reply-unexpected)/,
  },
  {
    name: "a link answers each request twice",
    file: "runtime/link/callee.ts",
    from: "outbox.message(reply);",
    to: "outbox.message(reply);\n      outbox.message(reply);",
    says: /a link broke its own rules: (credit-exceeded|reply-unexpected)/,
  },
  {
    name: "a call that was given up frees its place before its reply has come",
    file: "runtime/link/caller.ts",
    from: "this.#link.outbox.signal({ kind: KIND.cancel, id: call.id, argument: 0 });",
    to: "this.#link.outbox.signal({ kind: KIND.cancel, id: call.id, argument: 0 });\n      this.#takeSlot(call.id);",
    says: "a link broke its own rules: reply-unexpected",
  },
  {
    name: "a lost link says that what was sent did not run",
    file: "runtime/link/caller.ts",
    from: 'if (call.hasLeft) call.fail({ code: "runtime.link-lost"',
    to: 'if (call.hasLeft && false) call.fail({ code: "runtime.link-lost"',
    says: "handled, and its outcome denies it",
  },
  {
    name: "a lost link does not tell its monitors",
    file: "runtime/link/caller.ts",
    from: "onDown(noConnection(actor));\n    }",
    to: "}",
    says: "told 0 times at the end: the DOWN of",
  },

  // Supervision
  {
    name: "a child is restarted once more than its budget says",
    file: "runtime/sliding-window.ts",
    from: "if (this.#momentsMs.length <= this.#countMax) return false;",
    to: "if (this.#momentsMs.length <= this.#countMax + 1) return false;",
    says: "is restarted past its",
  },
  {
    name: "a child is quarantined one crash too early",
    file: "runtime/sliding-window.ts",
    from: "if (this.#momentsMs.length <= this.#countMax) return false;",
    to: "if (this.#momentsMs.length < this.#countMax) return false;",
    says: "is quarantined inside its budget",
  },
  {
    name: "a child that is held while it waits for its restart comes back",
    file: "supervisor/supervisor.ts",
    from: "entry.parkedBy = undefined;\n    if (isAlive(entry.state)) entry.toStop = true;\n    else this",
    to: "entry.parkedBy = undefined;\n    if (isAlive(entry.state)) entry.toStop = true;\n    else if (this.#closing) this",
    says: "and held",
  },

  {
    name: "a supervisor restarts once more than its intensity says",
    file: "supervisor/supervisor.ts",
    from: "new SlidingWindow(options.intensity.restartsMax,",
    to: "new SlidingWindow(options.intensity.restartsMax + 1,",
    says: "is restarted past its supervisor's intensity",
  },
];

export const PLANTS: readonly Plant[] = TABLE.map((row) => ({ check: MODEL, ...row }));
