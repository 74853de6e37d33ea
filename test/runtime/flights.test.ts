/** Work that is shared while it is under way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Flights } from "#runtime/flights.ts";
import type { Within } from "#runtime/ref.ts";

function caller(): { readonly within: Within; giveUp(): void } {
  const controller = new AbortController();
  const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: controller.signal };
  return { within, giveUp: () => controller.abort() };
}

/** Work that ends when it is told to, and remembers what it was given. */
class Work {
  readonly begun: { readonly within: Within; readonly end: (value: string) => void }[] = [];
  readonly run = (within: Within): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.begun.push({ within, end: resolve });
    return promise;
  };
  end(value: string, at = 0): void {
    this.begun[at]?.end(value);
  }
}

describe("flights: join", () => {
  it("begins once for all who want the same at a time, and anew for the next", async () => {
    const flights = new Flights<string, string>();
    const work = new Work();
    const both = [caller(), caller()].map(({ within }) => flights.join("a", within, work.run));
    const other = flights.join("b", caller().within, work.run);
    assert.equal(work.begun.length, 2);
    assert(flights.has("a"));

    work.end("one");
    work.end("two", 1);

    assert.deepEqual(await Promise.all([...both, other]), ["one", "one", "two"]);
    assert(!flights.has("a"));
    const late = flights.join("a", caller().within, work.run);
    work.end("three", 2);
    assert.equal(await late, "three");
  });

  it("goes on until the last one has given up, and is then left for those who come", async () => {
    const flights = new Flights<string, string>();
    const work = new Work();
    const [first, second] = [caller(), caller()];
    const answers = [first, second].map(({ within }) => flights.join("a", within, work.run));
    const signal = work.begun[0]?.within.signal;

    first.giveUp();
    assert.equal(signal?.aborted, false);
    second.giveUp();
    assert.equal(signal?.aborted, true);
    const late = flights.join("a", caller().within, work.run);
    assert.equal(work.begun.length, 2);

    work.end("given up");
    work.end("late", 1);
    assert.deepEqual(await Promise.all([...answers, late]), ["given up", "given up", "late"]);
  });

  it("does not count who had given up before", async () => {
    const flights = new Flights<string, string>();
    const work = new Work();
    const gone = caller();
    gone.giveUp();

    const answer = flights.join("a", gone.within, work.run);
    assert.equal(work.begun[0]?.within.signal.aborted, true);
    assert(!flights.has("a"));

    work.end("nobody");
    assert.equal(await answer, "nobody");
  });

  it("leaves what is under way to those who have it, when something has changed", async () => {
    const flights = new Flights<string, string>();
    const work = new Work();
    const before = flights.join("a", caller().within, work.run);

    flights.leaveAll();
    const after = flights.join("a", caller().within, work.run);
    work.end("old");
    assert.equal(await before, "old");
    assert(flights.has("a"), "the end of the old one is not that of the new one");
    work.end("new", 1);

    assert.equal(await after, "new");
  });

  it("ends for all of them as a failure of the work does", async () => {
    const flights = new Flights<string, string>();
    const broken = new Error("broken");
    const run = async (): Promise<string> => {
      throw broken;
    };

    const both = [caller(), caller()].map(({ within }) => flights.join("a", within, run));

    for (const one of both) await assert.rejects(one, broken);
    assert(!flights.has("a"));
  });
});
