/** A failure that travels alone over a link: whole as long as it is worth a frame, then as its code. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, encode, encodeFailure } from "#runtime/link/body.ts";
import { LINK_WHOLE_BYTES_MAX } from "#runtime/link/limits.ts";

/** A failure that is so many bytes long when it travels. */
function failureOf(sizeBytes: number) {
  const without = encode({ code: "x.broken", why: "y".repeat(sizeBytes / 2) })?.length ?? 0;
  const failure = { code: "x.broken", why: "y".repeat(sizeBytes / 2 + sizeBytes - without) };
  assert.equal(encode(failure)?.length, sizeBytes);
  return failure;
}

function arrived(failure: { readonly code: string }): unknown {
  const bytes = encodeFailure(failure) ?? assert.fail();
  return decode(bytes, 0, bytes.length);
}

describe("link: a failure", () => {
  it("arrives whole up to what is worth a frame, and as its code past it", () => {
    const [largest, past] = [failureOf(LINK_WHOLE_BYTES_MAX), failureOf(LINK_WHOLE_BYTES_MAX + 1)];

    assert.deepEqual(arrived(largest), largest);
    assert.deepEqual(arrived(past), { code: "x.broken" });
  });

  it("arrives as its code where something in it cannot travel", () => {
    assert.deepEqual(arrived({ code: "x.broken", ...{ run: () => undefined } }), { code: "x.broken" });
  });
});
