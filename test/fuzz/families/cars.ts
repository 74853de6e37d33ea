/** CARs: nothing comes out of one but objects that have the digests which it says. */
import assert from "node:assert/strict";
import { decodeCarHeader, encodeCarHeader } from "#actors/domain/car.ts";
import { carOf, readCar, sample } from "#test/actors/overlay/car-kit.ts";
import type { Target } from "#test/fuzz/target.ts";

const samples = [{ children: [] }, { children: [10] }, { children: [{ children: [40, 3] }, { children: [1] }] }].map(
  (shape) => sample(shape),
);
const objects = new Set(samples.map(({ object }) => object.toString("hex")));
const seeds = await Promise.all(samples.map(async (one) => new Uint8Array(await carOf(one))));

/** With another last byte: of a chunk, mostly. */
const damaged = seeds.map((bytes) => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1));

const car: Target = {
  name: "CAR",
  seeds: [...seeds, ...damaged],
  async check(input) {
    const read = await readCar(input);
    // Nobody finds another object that has the digests of its manifest.
    if (typeof read !== "string") assert(objects.has(read.toString("hex")), "only what was written is read");
    // Wherever its pieces begin and end.
    assert.deepEqual(await readCar(input, 1 + (input.length % 13), 7), read);
  },
};

const header: Target = {
  name: "CAR header",
  // Behind a length of one byte.
  seeds: seeds.map((bytes) => bytes.slice(1, 1 + (bytes[0] ?? 0))),
  words: ["roots", "version"],
  check(input) {
    const read = decodeCarHeader(input);
    if (typeof read === "string") return;
    assert.deepEqual(Buffer.from(encodeCarHeader(read.root)).subarray(1), Buffer.from(input));
  },
};

export const TARGETS: readonly Target[] = [car, header];
