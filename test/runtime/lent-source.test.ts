/** A source that is lent for a call: the same bytes, and nothing once the call is over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import { findSource, LentSource } from "#runtime/lent-source.ts";

const gone = { code: "call.gone" };

/** Answers each read with what the test gives, when it gives it. */
class GivenSource implements ByteSource {
  failure: Failure | undefined;
  reads = 0;
  readonly cancelled: Failure[] = [];
  #give: ((count: number) => void) | undefined;

  read(): Promise<number> {
    this.reads += 1;
    return new Promise((resolve) => {
      this.#give = resolve;
    });
  }

  give(count: number): void {
    this.#give?.(count);
  }

  cancel(reason: Failure): void {
    this.cancelled.push(reason);
    if (reason.code === "defect") throw new RangeError("cancelled badly");
  }
}

function stage() {
  const inner = new GivenSource();
  const heard: unknown[] = [];
  const machine = { surface: (defect: unknown) => void heard.push(String(defect)) };
  const lent = new LentSource(
    inner,
    machine,
    () => heard.push("progress"),
    (source) => heard.push(source === lent ? "settled" : "another"),
  );
  return { inner, lent, heard };
}

async function read({ inner, lent }: ReturnType<typeof stage>, count: number): Promise<number> {
  const reading = lent.read(new Uint8Array(4));
  inner.give(count);
  return await reading;
}

describe("lent source", () => {
  for (const last of [ENDED, FAILED]) {
    it(`tells of progress, and once of its end (${last === ENDED ? "whole" : "failed"})`, async () => {
      const made = stage();

      const counts = [await read(made, 4), await read(made, 1), await read(made, last), await read(made, last)];

      assert.deepEqual(counts, [4, 1, last, last]);
      assert.deepEqual(made.heard, ["progress", "progress", "settled"]);
    });
  }

  it("brings nothing once it is cancelled: neither what was under way nor what is asked for later", async () => {
    const made = stage();
    const under = made.lent.read(new Uint8Array(4));

    made.lent.cancel(gone);
    made.inner.give(4);

    assert.equal(await under, FAILED);
    assert.equal(await made.lent.read(new Uint8Array(4)), FAILED);
    assert.deepEqual([made.inner.reads, made.lent.failure, made.heard], [1, gone, ["settled"]]);
  });

  it("is cancelled once, and not when it is over", async () => {
    const [twice, over] = [stage(), stage()];
    await read(over, ENDED);

    twice.lent.cancel(gone);
    twice.lent.cancel({ code: "call.late" });
    over.lent.cancel(gone);

    assert.deepEqual([twice.inner.cancelled, twice.lent.failure], [[gone], gone]);
    assert.deepEqual([over.inner.cancelled, over.lent.failure], [[], undefined]);
  });

  it("has the failure of the one inside while it has none of its own", async () => {
    const { inner, lent } = stage();
    inner.failure = { code: "disk.broken" };

    assert.deepEqual(lent.failure, { code: "disk.broken" });
  });

  it("hands a defect of the one inside to its machine, and goes on", () => {
    const { lent, heard } = stage();

    lent.cancel({ code: "defect" });

    assert.deepEqual(heard, ["settled", "RangeError: cancelled badly"]);
  });
});

describe("lent source: finding one in a message", () => {
  const source = new GivenSource();

  it("finds the member that is one, by its key", () => {
    assert.deepEqual(findSource({ size: 3, bytes: source }), { key: "bytes", source });
  });

  for (const [what, value] of [
    ["nothing", undefined],
    ["null", null],
    ["a text", "bytes"],
    ["bytes", new Uint8Array(2)],
    ["one without", { size: 3 }],
    ["one that is deeper", { inside: { bytes: source } }],
    [
      "one that throws when it is looked at",
      {
        get bytes(): never {
          throw new RangeError("not for you");
        },
      },
    ],
  ] as const) {
    it(`finds none in ${what}`, () => {
      assert.equal(findSource(value), undefined);
    });
  }
});
