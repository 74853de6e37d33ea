/** A Postgres of which one transaction halts before one of its statements, its commit among them, until it may go on. */
import type { Sql } from "#runtime/sql/sql.ts";

export interface HaltingSql extends Sql {
  /** Settles when it has halted. */
  readonly halted: Promise<void>;
  resume(): void;
}

/** `place`: how many statements are let through. */
export function haltingSql(sql: Sql, place: number): HaltingSql {
  const halted = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  let count = 0;
  const pass = async (): Promise<void> => {
    count += 1;
    if (count !== place + 1) return;
    halted.resolve();
    await resumed.promise;
  };
  return {
    halted: halted.promise,
    resume: resumed.resolve,
    query: (statement, within) => sql.query(statement, within),
    transaction: (work, within) =>
      sql.transaction(async (session) => {
        const done = await work({
          query: async (statement, inner) => {
            await pass();
            return await session.query(statement, inner);
          },
        });
        await pass();
        return done;
      }, within),
    close: () => sql.close(),
  };
}
