/** Two operations on a Postgres, the second of which runs while the first has halted. */
import { after } from "node:test";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Sql } from "#runtime/sql/sql.ts";
import { TABLES } from "#test/actors/auth/directory/dump.ts";
import { haltingSql } from "#test/actors/auth/directory/halting-sql.ts";
import { within } from "#test/actors/auth/directory/scene.ts";

const SCHEMA = "auth_crossing";
/** Takes less time than `truncate`. */
const EMPTY = `do $$ begin
  ${TABLES.map((table) => (table === "counters" ? "" : `delete from ${SCHEMA}.${table};`)).join(" ")}
  update ${SCHEMA}.counters set value = 0;
end $$`;

export interface Crossing {
  /** Done by the one that halts. */
  readonly halts: (directory: Directory) => Promise<unknown>;
  /** How many statements it may do before. */
  readonly place: number;
  /** Done by the other one. */
  readonly follows: (directory: Directory) => Promise<unknown>;
  /** Done when the other has ended, or waits for the one that has halted. */
  readonly meanwhile?: () => Promise<void>;
}

export class Crossroads {
  /** Which has no part in it. */
  readonly directory: Directory;
  readonly #first: Sql;
  readonly #second: Sql;
  readonly #third: Sql;

  constructor(url: string) {
    const connect = (): Sql => {
      const sql = openSql({ url, connectionsMax: 1, statementTimeoutMs: 10_000 });
      after(() => sql.close());
      return sql;
    };
    [this.#first, this.#second, this.#third] = [connect(), connect(), connect()];
    this.directory = postgresDirectory(this.#third, { schema: SCHEMA });
  }

  /** As if it had just been opened. */
  async empty(): Promise<void> {
    must(await this.directory.open(within), "open");
    await ask(this.#third, EMPTY);
  }

  /** What both answered; undefined where the one that is to halt has ended before. */
  async cross({ halts, place, follows, meanwhile }: Crossing): Promise<readonly [unknown, unknown] | undefined> {
    const pid = await ask(this.#second, "select pg_backend_pid() as answer");
    const halting = haltingSql(this.#first, place);
    const halted = halts(postgresDirectory(halting, { schema: SCHEMA }));
    const hasHalted = await Promise.race([halting.halted.then(() => true), halted.then(() => false)]);
    if (!hasHalted) return undefined;
    const following = follows(postgresDirectory(this.#second, { schema: SCHEMA }));
    await this.#endsOrWaits(following, pid ?? "");
    await meanwhile?.();
    halting.resume();
    return await Promise.all([halted, following]);
  }

  async #endsOrWaits(ending: Promise<unknown>, pid: string): Promise<void> {
    let hasEnded = false;
    const end = (): void => {
      hasEnded = true;
    };
    ending.then(end, end);
    for (;;) {
      const waits = await ask(this.#third, `select cardinality(pg_blocking_pids(${pid})) > 0 as answer`);
      if (hasEnded || waits === "t") return;
    }
  }
}

async function ask(sql: Sql, text: string): Promise<string | null | undefined> {
  return must(await sql.query({ text }, within), text)[0]?.["answer"];
}
