/**
 * A kernel computes some shards from others, for one pattern of shards: a WebAssembly function that is written for the
 * weights of that pattern, 16 bytes at a time.
 *
 * A weight is a sum of powers of two, so a product is a sum of doublings. They are taken together for a target: add the
 * sources whose weight has bit 7, double, add those with bit 6, double, … down to bit 0: seven doublings a target, however
 * many sources. Nothing is looked up (docs/decisions/0013-reed-solomon-by-doubling.md).
 *
 * Sources and targets lie in tiles of one memory, one behind the other: those that fit into a core's own cache.
 */
import { DOUBLING_CARRY } from "#runtime/erasure/field.ts";
import {
  addBytes,
  addInts,
  andVectors,
  type Code,
  get,
  greaterBytes,
  int,
  lessThan,
  loadVector,
  repeatWhile,
  set,
  splat,
  storeVector,
  tee,
  writeModule,
  xorVectors,
} from "#runtime/erasure/wasm-module.ts";
import { KiB } from "#runtime/units.ts";

/** Sources and targets of one kernel together. Patterns of the field go to 256; profiles need 14. */
export const SHARDS_MAX = 32;
/** Bytes of a shard that are computed at a time. From 8 KiB on, twice as many gain nothing. */
export const TILE_BYTES: number = 16 * KiB;

const PAGE_BYTES: number = 64 * KiB;
const MEMORY_PAGES: number = (SHARDS_MAX * TILE_BYTES) / PAGE_BYTES;
const VECTOR_SIZE_BYTES = 16;

/** Of the engine; the types of Node leave it out. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly tiles: { readonly memory: object } },
  ) => { readonly exports: { readonly run: Kernel } };
};

/** Computes the first `byteCount` bytes, rounded up to 16, of all target tiles: at least 1, at most `TILE_BYTES`. */
export type Kernel = (byteCount: number) => void;

/** What all kernels of a thread work on: tile `i` are the `TILE_BYTES` from `i × TILE_BYTES` on. */
export interface Tiles {
  readonly memory: object;
  readonly bytes: Uint8Array;
}

export function createTiles(): Tiles {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES });
  return { memory, bytes: new Uint8Array(memory.buffer) };
}

/** For rows of weights as `interpolation.ts` gives them: source `i` is in tile `i`, the targets in those behind the last. */
export function createKernel(rows: readonly (readonly number[])[], { memory }: Tiles): Kernel {
  const sourceCount = rows[0]?.length ?? 0;
  const sum = FIRST_SOURCE + sourceCount;
  const code = repeatWhile([
    ...Array.from({ length: sourceCount }, (_, source) => [
      ...get(OFFSET),
      ...loadVector(source * TILE_BYTES),
      ...set(FIRST_SOURCE + source),
    ]).flat(),
    ...rows.flatMap((row, target) => [
      ...weightedSum(row, sum),
      ...get(OFFSET),
      ...get(sum),
      ...storeVector((sourceCount + target) * TILE_BYTES),
    ]),
    ...[...get(OFFSET), ...int(VECTOR_SIZE_BYTES), ...addInts, ...tee(OFFSET), ...get(BYTE_COUNT), ...lessThan],
  ]);
  const bytes = writeModule({ intLocals: 1, vectorLocals: sourceCount + 1, code, memoryPages: MEMORY_PAGES });
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { tiles: { memory } }).exports.run;
}

/** Locals of the function; behind the sources comes the sum. */
const BYTE_COUNT = 0;
const OFFSET = 1;
const FIRST_SOURCE = 2;

/**
 * The sources of a bit are added up before they are added to the sum: they wait for nothing, while every doubling waits
 * for the one before. A third of the time is in that.
 */
function weightedSum(row: readonly number[], sum: number): Code {
  const code: number[] = [];
  for (let bit = 7; bit >= 0; bit -= 1) {
    const terms = [...row.keys()].filter((source) => ((row[source] ?? 0) & (1 << bit)) !== 0);
    const sources = terms.map((source) => get(FIRST_SOURCE + source));
    if (code.length > 0) sources.push(doubled(sum));
    // A weight is never zero, so that the first bit with terms comes; before it there is nothing to double.
    if (sources.length > 0)
      code.push(...sources.flatMap((term, at) => (at === 0 ? term : [...term, ...xorVectors])), ...set(sum));
  }
  return code;
}

/** `2 × v`: shifted left by adding it to itself, and corrected where the bit that falls out was set: where `0 > v`. */
function doubled(local: number): Code {
  return [
    ...[...get(local), ...get(local), ...addBytes],
    ...[...splat(0), ...get(local), ...greaterBytes, ...splat(DOUBLING_CARRY), ...andVectors],
    ...xorVectors,
  ];
}
