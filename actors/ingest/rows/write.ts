/**
 * Writes rows: together where the database takes them, and where it refuses one, without that one.
 *
 * - (ING-3) A statement that is refused for what is in a row is tried again in halves, each by itself: of n rows a bad one costs at most
 *   2 · log2 n statements more, and all others are committed. What is refused for anything else is a failure of the call.
 * - A statement has at most so much payload that its parameters and the database's copies of them stay small.
 * - Of rows of one id, the first goes to the database, and the others are compared with what is there then. Only where it
 *   was rejected is another one tried.
 */
import type { EventRow } from "#actors/ingest/event-row.ts";
import { digestOf } from "#actors/ingest/rows/digest.ts";
import { ROWS_MAX, type RowsFailure, type Written } from "#actors/ingest/rows/event-rows.ts";
import { type DigestedRow, insert, type Landing } from "#actors/ingest/rows/insert.ts";
import { isOfAValue } from "#actors/ingest/rows/of-a-value.ts";
import type { Partitions } from "#actors/ingest/rows/partitions.ts";
import { ask, isRefused, ROWS_TRIES_MAX, type Tables, untilLetThrough } from "#actors/ingest/rows/tables.ts";
import type { TagIds } from "#actors/ingest/rows/tag-ids.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlRefused } from "#runtime/sql/sql.ts";
import { MiB } from "#runtime/units.ts";

/** UTF-16 units of payload in one statement, but for a row that has more by itself. */
export const STATEMENT_LENGTH_MAX: number = 8 * MiB;

export interface Writer {
  readonly tables: Tables;
  readonly partitions: Partitions;
  readonly tagIds: TagIds;
}

type Rejected = Extract<Written, { kind: "rejected" }>;
type Fate = Landing | Rejected;

/** A row, where it was asked, and what came of it. */
interface Asked {
  readonly row: DigestedRow;
  written: Written | undefined;
}

const CHECK_VIOLATION = "23514";

export async function write(
  writer: Writer,
  rows: readonly EventRow[],
  within: Within,
): Promise<Result<readonly Written[], RowsFailure>> {
  assert(rows.length <= ROWS_MAX, "rows are written in batches");
  const asked = rows.map((row): Asked => ({ row: { ...row, digest: digestOf(row) }, written: undefined }));
  const byId = Map.groupBy(asked, ({ row }) => row.eventId);
  for (let open = firstsOf(byId); open.length > 0; open = firstsOf(byId)) {
    for (const part of partsOf(open)) {
      const rowsOfPart = part.map(({ row }) => row);
      const done = await land(writer, rowsOfPart, within);
      if (!done.ok) return done;
      for (const [index, one] of part.entries()) {
        const fate = done.value[index];
        assert(fate !== undefined, "there is a fate for each row");
        settle(byId.get(one.row.eventId) ?? [], one, fate);
      }
    }
  }
  return ok(asked.map(writtenOf));
}

/** Of each id the first row of which nothing is known yet. */
function firstsOf(byId: ReadonlyMap<string, readonly Asked[]>): readonly Asked[] {
  return [...byId.values()].flatMap((same) => same.find(isOpen) ?? []);
}

function isOpen({ written }: Asked): boolean {
  return written === undefined;
}

function writtenOf({ written }: Asked): Written {
  assert(written !== undefined, "something came of each row");
  return written;
}

/** Says what came of the first open row of an id, and of those after it of which that is known with it. */
function settle(same: readonly Asked[], one: Asked, fate: Fate): void {
  if (fate === "new") one.written = { kind: "new" };
  const isRejected = typeof fate === "object" && "kind" in fate;
  const stored = typeof fate === "object" && "digest" in fate ? fate.digest : one.row.digest;
  for (const other of same.filter(isOpen)) {
    const isSame = other.row.digest.equals(stored);
    // What differs from a row that was rejected is tried by itself, and what follows is compared with that.
    if (isRejected && !isSame) return;
    other.written = isRejected ? fate : { kind: isSame ? "same" : "conflict" };
  }
}

/** In order; each with one row at least. */
function partsOf(asked: readonly Asked[]): readonly (readonly Asked[])[] {
  const parts: Asked[][] = [];
  let room = 0;
  for (const one of asked) {
    room -= one.row.payload.length;
    const last = parts.at(-1);
    if (last !== undefined && room >= 0) {
      last.push(one);
      continue;
    }
    parts.push([one]);
    room = STATEMENT_LENGTH_MAX - one.row.payload.length;
  }
  return parts;
}

async function land(
  writer: Writer,
  rows: readonly DigestedRow[],
  within: Within,
): Promise<Result<readonly Fate[], RowsFailure>> {
  const landed = await landWhole(writer, rows, within);
  if (landed.ok || !isOfAValue(landed.failure)) return landed;
  if (rows.length === 1) return ok([rejected(landed.failure)]);
  const middle = Math.ceil(rows.length / 2);
  const first = await land(writer, rows.slice(0, middle), within);
  if (!first.ok) return first;
  const second = await land(writer, rows.slice(middle), within);
  return second.ok ? ok([...first.value, ...second.value]) : second;
}

function rejected({ state, message }: SqlRefused): Rejected {
  return { kind: "rejected", state, message };
}

/** All of them, or none. */
async function landWhole(
  writer: Writer,
  rows: readonly DigestedRow[],
  within: Within,
): Promise<Result<readonly Landing[], RowsFailure>> {
  const { partitions } = writer;
  const prepared = await partitions.prepare(rows, within);
  if (!prepared.ok) return prepared;
  const landed = await landSeen(writer, rows, within);
  if (landed.ok || !isRefused(landed.failure) || !lacksPartition(landed.failure)) return landed;
  partitions.forget();
  const again = await partitions.prepare(rows, within);
  return again.ok ? landSeen(writer, rows, within) : again;
}

/** Postgres has no state of its own for that; a check that a row breaks has a name. */
function lacksPartition({ state, constraint }: SqlRefused): boolean {
  return state === CHECK_VIOLATION && constraint === undefined;
}

/** Once more for those of which somebody else's row was committed meanwhile. */
async function landSeen(
  { tables, tagIds }: Writer,
  rows: readonly DigestedRow[],
  within: Within,
): Promise<Result<readonly Landing[], RowsFailure>> {
  const landings = new Map<DigestedRow, Landing>();
  for (let tryCount = 1; tryCount <= ROWS_TRIES_MAX; tryCount += 1) {
    const open = rows.filter((row) => (landings.get(row) ?? "unseen") === "unseen");
    const landed = await untilLetThrough(() => insert(ask(tables, within), tables.schema, open, tagIds));
    if (!landed.ok) return landed;
    for (const [index, row] of open.entries()) landings.set(row, landed.value[index] ?? "unseen");
    if (!landed.value.includes("unseen")) return ok(rows.map((row) => landings.get(row) ?? "unseen"));
  }
  return fail({ code: "sql.unreachable", executed: "maybe", cause: "rows come and go while they are written" });
}
