/** What tests of the spill share: rows, and a spill on a disk in memory. */
import assert from "node:assert/strict";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { Spill, type SpillDamage, type SpillOptions, type SpillSpan } from "#actors/ingest/spill/spill.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { patient } from "#test/kit/patient.ts";

export const DIRECTORY = "/ingest/spill";

/** The number is in its ids. */
export function rowOf(number: number, payload: string = `{"n":${number}}`): EventRow {
  const uuid = (kind: number): Uuid => {
    const found = parseUuid(`${String(kind).padStart(8, "0")}-0000-7000-8000-${String(number).padStart(12, "0")}`);
    assert(found !== undefined);
    return found;
  };
  return {
    eventId: uuid(1),
    tsNs: 1_760_000_000_000_000_000n + BigInt(number),
    subjectId: uuid(2),
    schemaId: uuid(3),
    producerId: uuid(4),
    streamId: `0:${number}-0`,
    payload,
    tags: [{ key: "core.symbol", value: `S${number}` }],
    receivedMs: 1_760_000_000_000 + number,
  };
}

export function rowsOf(first: number, last: number): readonly EventRow[] {
  return Array.from({ length: last - first + 1 }, (_, at) => rowOf(first + at));
}

export function numberOf({ eventId }: EventRow): number {
  return Number(eventId.slice(-12));
}

export interface SpillBench {
  readonly spill: Spill;
  readonly damages: SpillDamage[];
}

/** Not yet opened. */
export function makeSpill(options: Partial<SpillOptions> = {}): SpillBench {
  const damages: SpillDamage[] = [];
  const spill = new Spill({
    disk: new MemoryDisk(),
    random: seededRandom(1),
    directory: DIRECTORY,
    bytesMax: () => 64 * MiB,
    onDamage: (damage) => damages.push(damage),
    ...options,
  });
  return { spill, damages };
}

export async function openSpill(options: Partial<SpillOptions> = {}, known?: SpillSpan): Promise<SpillBench> {
  const bench = makeSpill(options);
  must(await bench.spill.open(known, patient), "the spill");
  return bench;
}

/** Of a new disk. */
export async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/ingest");
  await disk.syncDirectory("/");
  return disk;
}

export async function append(spill: Spill, rows: readonly EventRow[]): Promise<void> {
  must(await spill.append(rows, patient), "appended");
}

/** Numbers of all that is there, which is gone then. */
export async function drain(spill: Spill, countMax = 1000): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (;;) {
    const page = must(await spill.oldest(countMax, patient), "a page");
    if (page === undefined) return numbers;
    numbers.push(...page.rows.map(numberOf));
    must(await spill.drop(page, patient), "dropped");
  }
}

/** Those with rows. */
export async function filesIn(disk: MemoryDisk): Promise<readonly string[]> {
  return must(await disk.list(DIRECTORY), "files")
    .map(({ name }) => name)
    .filter((name) => !name.endsWith(".moved"))
    .sort();
}
