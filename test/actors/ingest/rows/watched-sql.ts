/** A Postgres of which one knows how often it was asked, and before which one may do something else. */
import { fail } from "#runtime/errors.ts";
import type { Sql, SqlFailure, SqlSession, Statement } from "#runtime/sql/sql.ts";

export interface WatchedSql extends Sql {
  /** Names of the statements that were asked, without that of the schema. */
  readonly asked: string[];
}

/** `before` is asked before every statement, by its name. A failure is the answer to it. */
export function watchedSql(sql: Sql, before: (name: string) => SqlFailure | undefined = () => undefined): WatchedSql {
  const asked: string[] = [];
  const watched = (session: SqlSession): SqlSession => ({
    query: async (statement: Statement, within) => {
      const name = (statement.name ?? "").replace(/^.*?\./, "");
      asked.push(name);
      const failure = before(name);
      return failure === undefined ? await session.query(statement, within) : fail(failure);
    },
  });
  return {
    asked,
    ...watched(sql),
    transaction: (work, within) => sql.transaction((session) => work(watched(session)), within),
    close: () => sql.close(),
  };
}
