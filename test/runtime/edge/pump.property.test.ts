/** The pump against the simplest thing that could be right: one copy of the whole body. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { pump } from "#runtime/edge/pump.ts";
import type { Failure } from "#runtime/errors.ts";

const bufferBytes = 8;

/** Delivers 0, 1, 2, … in pieces; then ends or fails. It checks that nobody writes into what is being sent. */
class Script implements ByteSource {
  failure: Failure | undefined;
  cancelled = false;
  readonly #pieces: number[];
  readonly #fails: boolean;
  #next = 0;

  constructor(pieces: readonly number[], fails: boolean) {
    this.#pieces = [...pieces];
    this.#fails = fails;
  }

  async read(into: Uint8Array): Promise<number> {
    await undefined;
    if (this.failure !== undefined) return FAILED;
    const count = Math.min(this.#pieces.shift() ?? 0, into.length);
    if (count === 0 && this.#fails) this.failure = { code: "test.failed" };
    if (count === 0) return this.#fails ? FAILED : ENDED;
    for (let index = 0; index < count; index += 1) into[index] = this.#next++ & 0xff;
    return count;
  }

  cancel(reason: Failure): void {
    this.cancelled = true;
    this.failure ??= reason;
  }
}

const pieces = fc.array(fc.integer({ min: 1, max: bufferBytes }), { minLength: 1, maxLength: 30, size: "max" });
/** Turns that each write takes. */
const delays = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 10 });
/** After how many writes the client is gone. */
const leaves = fc.option(fc.integer({ min: 0, max: 10 }), { nil: Number.POSITIVE_INFINITY });

describe("edge: pump", () => {
  it("delivers all of it, in order, exactly when the source ended well at its length (EDG-1, EDG-2)", async () => {
    await fc.assert(
      fc.asyncProperty(
        pieces,
        delays,
        leaves,
        fc.boolean(),
        fc.integer({ min: -2, max: 2 }),
        async (script, turns, leavesAfter, fails, lengthError) => {
          const source = new Script(script, fails);
          const deliveredBytes = script.reduce((sum, piece) => sum + piece, 0);
          const lengthBytes = Math.max(1, deliveredBytes + lengthError);
          const buffer = new Uint8Array(bufferBytes);
          const primedBytes = await source.read(buffer);
          const received: number[] = [];
          let inFlight = 0;
          let writes = 0;
          let last: Promise<unknown> = Promise.resolve();

          const outcome = await pump({ source, lengthBytes, buffer, primedBytes }, (bytes) => {
            const before = [...bytes];
            inFlight += bytes.length;
            assert(inFlight <= bufferBytes, "at most the buffer is undelivered");
            const turn = turns[writes % turns.length] ?? 0;
            writes += 1;
            const isGone = writes > leavesAfter;
            // Writes settle in the order they were made, as on a socket.
            const settled = last.then(async () => {
              for (let waited = 0; waited < turn * 3; waited += 1) await undefined;
              assert.deepEqual([...bytes], before, "a buffer is not touched while it is written");
              inFlight -= bytes.length;
              if (isGone) return { code: "edge.peer-gone" };
              received.push(...before);
              return undefined;
            });
            last = settled;
            return settled;
          });

          const isWhole = !fails && lengthBytes === deliveredBytes && leavesAfter >= script.length;
          assert.equal(outcome.complete, isWhole);
          assert.equal(inFlight, 0, "no buffer is in use when it is over");
          assert.equal(outcome.cause === undefined, isWhole);
          if (isWhole) assert.equal(outcome.bytesSent, lengthBytes);
          else
            assert(received.length < lengthBytes || leavesAfter < script.length, "what is not whole is not sent whole");
          const sorted = [...received].every((byte, index) => byte === (index & 0xff));
          assert(isWhole ? sorted && received.length === lengthBytes : received.length <= deliveredBytes);
        },
      ),
      { numRuns: 500 },
    );
  });
});
