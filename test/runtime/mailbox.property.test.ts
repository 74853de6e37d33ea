/** The mailbox against the simplest thing that could be right: an array. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Mail, Mailbox, type Overflow } from "#runtime/mailbox.ts";

type Step = "offer" | "take" | "put back";
const steps = fc.array(fc.constantFrom<Step>("offer", "offer", "take", "put back"), { maxLength: 200, size: "max" });
const capacities = fc.integer({ min: 1, max: 20 });

interface Numbered extends Mail {
  readonly id: number;
}

function cast(id: number): Numbered {
  return { id, call: undefined };
}

describe("mailbox: offer and take", () => {
  for (const overflow of ["reject", "drop-oldest"] satisfies Overflow[]) {
    it(`agrees with an array model (${overflow})`, () => {
      fc.assert(
        fc.property(capacities, steps, (capacity, script) => {
          const mailbox = new Mailbox<never, Numbered>({ capacity, overflow });
          const model: number[] = [];
          let dropped = 0;
          let inHand: Numbered | undefined;
          for (const [message, step] of script.entries()) {
            if (step === "take") {
              inHand = mailbox.take();
              assert.equal(inHand?.id, model.shift());
            } else if (step === "put back") {
              if (inHand === undefined) continue;
              mailbox.putBack(inHand);
              model.unshift(inHand.id);
              inHand = undefined;
            } else if (model.length < capacity) {
              assert.deepEqual(mailbox.offer(cast(message)), { kind: "accepted" });
              model.push(message);
            } else if (overflow === "reject") {
              assert.deepEqual(mailbox.offer(cast(message)), { kind: "rejected" });
              dropped += 1;
            } else {
              assert.deepEqual(mailbox.offer(cast(message)), { kind: "displaced", oldest: cast(model.shift() ?? -1) });
              model.push(message);
              dropped += 1;
            }
            assert.deepEqual([mailbox.depth, mailbox.droppedCount], [model.length, dropped]);
          }
        }),
      );
    });
  }

  it("hands out signals before control turns, and both in their order", () => {
    const mailbox = new Mailbox<string, Numbered>({ capacity: 1, overflow: "reject" });
    mailbox.offer(cast(1));
    mailbox.control("control 1");
    mailbox.signal("signal 1");
    mailbox.control("control 2");
    mailbox.signal("signal 2");

    const taken = [1, 2, 3, 4, 5].map(() => mailbox.takeUrgent());

    assert.deepEqual(taken, ["signal 1", "signal 2", "control 1", "control 2", undefined]);
    assert.equal(mailbox.take()?.id, 1);
  });
});

interface Line extends Mail {
  readonly id: number;
  readonly call: { answered: boolean; isQueued: boolean };
}

type LineStep = { readonly kind: "wait" | "take" | "put back" } | { readonly kind: "leave"; readonly which: number };
const lineSteps = fc.array(
  fc.oneof(
    fc.constant<LineStep>({ kind: "wait" }),
    fc.constant<LineStep>({ kind: "wait" }),
    fc.constant<LineStep>({ kind: "take" }),
    fc.constant<LineStep>({ kind: "put back" }),
    fc.nat(40).map((which): LineStep => ({ kind: "leave", which })),
  ),
  { maxLength: 200, size: "max" },
);

describe("mailbox: callers that wait and leave", () => {
  it("hands out those who stayed, in the order they came, and never refuses while a place is free", () => {
    fc.assert(
      fc.property(capacities, lineSteps, (capacity, script) => {
        const mailbox = new Mailbox<never, Line>({ capacity, overflow: "reject" });
        const model: Line[] = [];
        let inHand: Line | undefined;
        for (const [id, step] of script.entries()) {
          if (step.kind === "take") {
            inHand = mailbox.take();
            assert.equal(inHand?.id, model.shift()?.id);
          } else if (step.kind === "put back") {
            if (inHand === undefined) continue;
            mailbox.putBack(inHand);
            model.unshift(inHand);
            inHand = undefined;
          } else if (step.kind === "leave") {
            const [line] = model.splice(step.which, 1);
            if (line === undefined) continue;
            assert.equal(line.call.isQueued, true);
            line.call.answered = true;
            mailbox.onCallLeft();
          } else {
            const line: Line = { id, call: { answered: false, isQueued: false } };
            model.push(line);
            // Half of them would rather be told than wait; with no room, they are.
            if (id % 2 === 0) assert.equal(mailbox.offerOrWait(line).kind, "accepted");
            else if (mailbox.offer(line).kind === "rejected") {
              model.pop();
              assert(model.length >= capacity, "it was refused with room");
            } else assert(model.length <= capacity, "it went before those who wait");
          }
        }
        for (const line of model) assert.equal(mailbox.take()?.id, line.id);
        assert.equal(mailbox.take(), undefined);
      }),
    );
  });

  it("gives the message that was taken last back in front of all others, though the lane is full", () => {
    const mailbox = new Mailbox<never, Numbered>({ capacity: 2, overflow: "reject" });
    mailbox.offer(cast(1));
    mailbox.offer(cast(2));
    const first = mailbox.take();
    assert(first !== undefined, "there are two");

    mailbox.offer(cast(3));
    mailbox.putBack(first);
    const past = mailbox.offer(cast(4));
    const again = mailbox.take();
    const still = mailbox.offer(cast(5));

    assert.deepEqual([past.kind, again?.id, still.kind], ["rejected", 1, "rejected"]);
    assert.deepEqual([mailbox.take()?.id, mailbox.take()?.id, mailbox.take()], [2, 3, undefined]);
  });
});
