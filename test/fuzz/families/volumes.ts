/** Marks of volumes, and what a node remembers of them: text with a sum, on disks that people carry about. */
import assert from "node:assert/strict";
import { decodeMark, encodeMark } from "#actors/storage/volumes/volume-mark.ts";
import { decodeMemory, encodeMemory } from "#actors/storage/volumes/volume-memory.ts";
import { withLine } from "#test/fuzz/bytes.ts";
import type { Target } from "#test/fuzz/target.ts";

const id = "0123456789abcdef";
const node = id + id;
const mark: Target = {
  name: "VOLUME mark",
  seeds: [encodeMark({ id, slot: 7, node }), encodeMark({ id, slot: 4095, node })],
  check(input) {
    for (const bytes of [input, withLine(input)]) {
      const read = decodeMark(bytes);
      if (read !== undefined) assert.deepEqual(Buffer.from(encodeMark(read)), Buffer.from(bytes));
    }
  },
};

const volume = { id, slot: 7, weight: 100, path: "/disk" };
const memory: Target = {
  name: "memory of volumes",
  seeds: [
    encodeMemory({ node, slotMax: 0, volumes: [], forgotten: [], doubted: [] }),
    encodeMemory({
      node,
      slotMax: 9,
      volumes: [volume, { ...volume, id: id.replace("0", "f"), slot: 8, path: "" }],
      forgotten: [{ id: id.replace("0", "e"), slot: 9 }],
      doubted: ["/old"],
    }),
  ],
  check(input) {
    for (const bytes of [input, withLine(input)]) {
      const read = decodeMemory(bytes);
      if (read !== undefined) assert.deepEqual(Buffer.from(encodeMemory(read)), Buffer.from(bytes));
    }
  },
};

export const TARGETS: readonly Target[] = [mark, memory];
