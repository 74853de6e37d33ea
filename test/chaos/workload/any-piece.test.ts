/** Pieces of uploads as clients send them: what is told of each is what it does. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { anyPiece, type Piece, type PieceFate } from "#chaos/workload/any-piece.ts";
import { ENDED, FAILED } from "#runtime/byte-source.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

const PIECES = 300;
const bytes = seededRandom(7).bytes(5000);

/** What arrives of a body, whether it ends well or not. */
async function arrivesOf({ request }: Piece, clock: ManualClock): Promise<{ held: Buffer; isBroken: boolean }> {
  const held: Buffer[] = [];
  const into = new Uint8Array(1000);
  for (;;) {
    const reading = request.body.read(into);
    await clock.advance(20);
    const count = await reading;
    if (count === ENDED || count === FAILED) return { held: Buffer.concat(held), isBroken: count === FAILED };
    held.push(Buffer.from(into.subarray(0, count)));
  }
}

function isProven({ request }: Piece, held: Uint8Array): boolean | undefined {
  const field = request.headers["upload-checksum"];
  if (field === undefined) return undefined;
  const [sha = "", digest] = field.split(" ");
  return createHash(sha).update(held).digest("base64") === digest;
}

describe("chaos workload: any piece", () => {
  it("is whole, broken off or disproven, and says what of it may be taken", async () => {
    const clock = new ManualClock();
    const random = seededRandom(1);
    const seen = new Map<PieceFate, number>();

    for (let count = 0; count < PIECES; count += 1) {
      const from = random.below(bytes.length + 1);
      const piece = anyPiece(bytes, from, true, { clock, random });
      const { held, isBroken } = await arrivesOf(piece, clock);
      const whole = bytes.subarray(from, piece.to);
      const proof = isProven(piece, whole);
      seen.set(piece.fate, (seen.get(piece.fate) ?? 0) + 1);

      assert.deepEqual(held, Buffer.from(whole.subarray(0, held.length)));
      assert.equal(isBroken, piece.fate === "broken");
      assert.equal(proof === false, piece.fate === "disproven");
      const { contentLength = whole.length } = piece.request;
      assert.equal(contentLength, whole.length);
      const isNothing = piece.fate === "disproven" || (isBroken && proof === true);
      const taken = { from, to: from + held.length, isWhole: proof === true };
      assert.deepEqual(piece.sent, isNothing ? undefined : taken);
    }
    assert.deepEqual([...seen.keys()].toSorted(), ["broken", "disproven", "whole"]);
  });

  it("is whole where it may not fail, and where it has no byte", async () => {
    const clock = new ManualClock();
    const random = seededRandom(2);

    for (let count = 0; count < PIECES; count += 1) {
      assert.equal(anyPiece(bytes, random.below(bytes.length), false, { clock, random }).fate, "whole");
      assert.equal(anyPiece(bytes, bytes.length, true, { clock, random }).fate, "whole");
    }
  });
});
