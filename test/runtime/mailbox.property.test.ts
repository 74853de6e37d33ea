/** The mailbox against the simplest thing that could be right: an array. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Mailbox, type Overflow } from "#runtime/mailbox.ts";

type Step = "offer" | "take";
const steps = fc.array(fc.constantFrom<Step>("offer", "offer", "take"), { maxLength: 200 });
const capacities = fc.integer({ min: 1, max: 20 });

describe("mailbox: offer and take", () => {
  for (const overflow of ["reject", "drop-oldest"] satisfies Overflow[]) {
    it(`agrees with an array model (${overflow})`, () => {
      fc.assert(
        fc.property(capacities, steps, (capacity, script) => {
          const mailbox = new Mailbox<never, number>({ capacity, overflow });
          const model: number[] = [];
          let dropped = 0;
          for (const [message, step] of script.entries()) {
            if (step === "take") {
              assert.equal(mailbox.take(), model.shift());
            } else if (model.length < capacity) {
              assert.deepEqual(mailbox.offer(message), { kind: "accepted" });
              model.push(message);
            } else if (overflow === "reject") {
              assert.deepEqual(mailbox.offer(message), { kind: "rejected" });
              dropped += 1;
            } else {
              assert.deepEqual(mailbox.offer(message), { kind: "displaced", oldest: model.shift() });
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
    const mailbox = new Mailbox<string, string>({ capacity: 1, overflow: "reject" });
    mailbox.offer("user");
    mailbox.control("control 1");
    mailbox.signal("signal 1");
    mailbox.control("control 2");
    mailbox.signal("signal 2");

    const taken = [1, 2, 3, 4, 5].map(() => mailbox.takeUrgent());

    assert.deepEqual(taken, ["signal 1", "signal 2", "control 1", "control 2", undefined]);
    assert.equal(mailbox.take(), "user");
  });
});
