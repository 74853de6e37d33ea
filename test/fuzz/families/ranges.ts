/** The HTTP field `Range`, against a reader without patterns, and what it leads to in an object. */
import assert from "node:assert/strict";
import { extentOf } from "#actors/domain/byte-range.ts";
import { parseRanges } from "#actors/gateway/range.ts";
import { rangeModel } from "#test/actors/gateway/range-model.ts";
import { bytesOf, latin1Of } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

const range: Target = {
  name: "Range",
  seeds: ["bytes=0-1", "bytes=-5", "bytes=9-", "bytes= 0-0 ,\t5-9,,-1", "Bytes=1-2,99999999999999999999-"].map(bytesOf),
  words: ["bytes=", "9007199254740991", "9007199254740992", "-0"],
  check(input) {
    const field = latin1Of(input);
    const ranges = parseRanges(field);
    assert.deepEqual(ranges, rangeModel(field));
    if (!Array.isArray(ranges)) return;
    for (const sizeBytes of [0, 1, 10, Number.MAX_SAFE_INTEGER]) {
      for (const wanted of ranges) {
        const extent = extentOf(wanted, sizeBytes);
        if (extent === undefined) continue;
        const { firstByte, lengthBytes } = extent;
        const isInside = firstByte >= 0 && lengthBytes > 0 && lengthBytes <= sizeBytes - firstByte;
        assert(isInside, `${firstByte}+${lengthBytes} is not in ${sizeBytes} bytes`);
      }
    }
  },
};

export const TARGETS: readonly Target[] = [range];
