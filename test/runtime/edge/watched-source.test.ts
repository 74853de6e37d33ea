/** A source that brings nothing for too long is cancelled, and its read ends when it lets go of the buffer. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { WatchedSource } from "#runtime/edge/watched-source.ts";
import type { Failure } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

/** Brings what the test says, when it says it. */
class SlowSource implements ByteSource {
  failure: Failure | undefined;
  readonly cancelled: Failure[] = [];
  #answer: ((count: number) => void) | undefined;

  read(): Promise<number> {
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  bring(count: number): void {
    this.#answer?.(count);
  }

  cancel(reason: Failure): void {
    this.cancelled.push(reason);
  }
}

const into = new Uint8Array(4);
const stalled = { code: "edge.source-stalled", idleMs: 100 };

function stage() {
  const [clock, inner] = [new ManualClock(), new SlowSource()];
  return { clock, inner, source: new WatchedSource(inner, clock, 100) };
}

describe("watched source", () => {
  it("hands on what comes in time, however often that is, and its end", async () => {
    const { clock, inner, source } = stage();
    for (const count of [4, 2, ENDED]) {
      const read = source.read(into);
      await clock.advance(99);
      inner.bring(count);

      assert.equal(await read, count);
    }

    await clock.advance(1000);
    assert.deepEqual([source.failure, inner.cancelled], [undefined, []]);
  });

  it("counts no time in which nobody reads", async () => {
    const { clock, inner, source } = stage();
    const read = source.read(into);
    inner.bring(1);
    await read;

    await clock.advance(1000);

    assert.deepEqual(inner.cancelled, []);
  });

  it("fails when nothing comes for so long, and its read ends with the one inside", async () => {
    const { clock, inner, source } = stage();
    const read = source.read(into);
    let hasEnded = false;
    void read.then(() => {
      hasEnded = true;
    });

    await clock.advance(100);

    assert.deepEqual([source.failure, inner.cancelled, hasEnded], [stalled, [stalled], false]);
    inner.bring(4);
    assert.equal(await read, FAILED);
    assert.equal(await source.read(into), FAILED);
  });

  it("says of itself what the one inside failed with, and is cancelled once", async () => {
    const { inner, source } = stage();
    inner.failure = { code: "disk.broken" };

    source.cancel({ code: "request.gone" });
    assert.deepEqual(source.failure, { code: "disk.broken" });

    inner.failure = undefined;
    source.cancel({ code: "request.gone" });
    source.cancel({ code: "another" });

    assert.deepEqual(source.failure, { code: "request.gone" });
    assert.deepEqual(inner.cancelled, [{ code: "request.gone" }, { code: "request.gone" }]);
  });
});
