/** Trees: the node and the client, which share no code, make the same of any bytes. */
import assert from "node:assert/strict";
import { KiB } from "#runtime/units.ts";
import { publishedVectors } from "#test/actors/domain/tree-vectors.ts";
import { verdicts } from "#test/actors/domain/tree-verdicts.ts";
import type { Target } from "#test/fuzz/target.ts";

const tree: Target = {
  name: "tree",
  seeds: publishedVectors()
    .map(({ hex }) => new Uint8Array(Buffer.from(hex, "hex")))
    .filter(({ length }) => length < 2 * KiB),
  check(input) {
    const { node, client } = verdicts(input);
    // Where more than one thing is wrong each says what it has come upon.
    if (typeof node !== "string" || typeof client !== "string") assert.deepEqual(node, client);
  },
};

export const TARGETS: readonly Target[] = [tree];
