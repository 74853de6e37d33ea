/**
 * The months of the tables that are partitioned, in UTC: each is made before the first event of it is written, and the next ones
 * with it, so that no write waits for that on the first of a month.
 *
 * A month that was seen once is taken to be there. Where the database has lost it (an older one was brought back), the write
 * is refused, and `forget` has all months made again.
 */
import type { EventRow } from "#actors/ingest/event-row.ts";
import { type Tables, transact } from "#actors/ingest/rows/tables.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";

/** Months that are made beyond the one that is needed. */
const MONTHS_AHEAD = 3;
/** Months that are remembered. Events are of three at a time, but what comes back from disk may be older. */
const MONTHS_KNOWN = 64;
/** Of the advisory lock of whoever makes months: any number that nobody else uses. */
const LOCK = 0x6d_6f_6e_74;
const PARTITIONED = ["events", "event_tags"] as const;
const NS_PER_MS = 1_000_000n;
const MONTHS_A_YEAR = 12;

/** Since the beginning of the year 0. */
type Month = number;

export class Partitions {
  readonly #tables: Tables;
  readonly #known = new Set<Month>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Whatever the rows are of is there. */
  async prepare(rows: readonly EventRow[], within: Within): Promise<Result<void, SqlFailure>> {
    for (const month of new Set(rows.map(({ tsNs }) => monthOf(tsNs)))) {
      if (this.#known.has(month)) continue;
      const made = await this.#make(month, within);
      if (!made.ok) return made;
    }
    return ok();
  }

  forget(): void {
    this.#known.clear();
  }

  async #make(first: Month, within: Within): Promise<Result<void, SqlFailure>> {
    const months = Array.from({ length: 1 + MONTHS_AHEAD }, (_none, index) => first + index);
    const made = await transact<void>(
      this.#tables,
      async (ask) => {
        const locked = await ask("lock-months", "select pg_advisory_xact_lock($1)", [LOCK]);
        if (!locked.ok) return locked;
        const text = months.flatMap((month) => PARTITIONED.map((table) => this.#creation(table, month))).join("\n");
        const created = await ask(undefined, `do $$ begin\n${text}\nend $$`, []);
        return created.ok ? ok() : created;
      },
      within,
    );
    if (!made.ok) return made;
    if (this.#known.size >= MONTHS_KNOWN) this.forget();
    for (const month of months) this.#known.add(month);
    return ok();
  }

  /** It is attached when it is whole: so the table stays open for those who write to it meanwhile. */
  #creation(table: string, month: Month): string {
    const { schema } = this.#tables;
    const whole = `${schema}.${table}`;
    const name = `${table}_${nameOf(month)}`;
    return `if to_regclass('${schema}.${name}') is null then
      create table ${schema}.${name} (like ${whole} including defaults including constraints);
      alter table ${whole} attach partition ${schema}.${name} for values from (${firstNs(month)}) to (${firstNs(month + 1)});
    end if;`;
  }
}

export function monthOf(tsNs: bigint): Month {
  const ms = tsNs / NS_PER_MS;
  // Towards the past, also before 1970.
  const date = new Date(Number(ms * NS_PER_MS > tsNs ? ms - 1n : ms));
  return date.getUTCFullYear() * MONTHS_A_YEAR + date.getUTCMonth();
}

export function firstNs(month: Month): bigint {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(month / MONTHS_A_YEAR), month % MONTHS_A_YEAR);
  return BigInt(date.getTime()) * NS_PER_MS;
}

function nameOf(month: Month): string {
  const year = String(Math.floor(month / MONTHS_A_YEAR)).padStart(4, "0");
  return `${year}_${String((month % MONTHS_A_YEAR) + 1).padStart(2, "0")}`;
}
