/**
 * Postgres by `pg`: its pool, its protocol, its connections.
 *
 * A connection whose answer somebody stopped waiting for, or that did not come by the deadline, is not given to anybody else: it
 * is closed. Values stay the text that Postgres writes, so that no number is rounded and no time loses its digits.
 */
import { DatabaseError, Pool, type PoolClient } from "pg";
import type { Clock } from "#runtime/clock.ts";
import { Defect, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import type { Within } from "#runtime/ref.ts";
import type { Sql, SqlFailure, SqlPlace, SqlRefused, SqlRow, SqlSession, Statement } from "#runtime/sql/sql.ts";

/** Longest wait for a connection: a new one, or one that others use. */
export const SQL_CONNECT_MS = 5000;
/** A connection that nobody needs for so long is closed; one in a transaction that says nothing for so long the database ends. */
export const SQL_IDLE_MS = 30_000;
/** Silence of a connection after which the system asks whether the other side is there. */
export const SQL_KEEPALIVE_MS = 10_000;
/** Characters of what a database says that are kept. */
export const SQL_MESSAGE_LENGTH_MAX = 500;

/**
 * Classes of the SQL standard by which a database says that it cannot serve, whatever it is asked; with 25006 it has become the
 * copy of another one.
 */
const UNABLE = /^(08|53|57|58|25006)/;

const TIMER_MS_MAX = 2 ** 31 - 1;

const types = { getTypeParser: () => (value: string) => value };

export function openSql({ url, connectionsMax, statementTimeoutMs }: SqlPlace, clock: Clock = realClock): Sql {
  const pool = new Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: SQL_CONNECT_MS,
    idleTimeoutMillis: SQL_IDLE_MS,
    statement_timeout: statementTimeoutMs,
    allowExitOnIdle: true,
    // A host that is gone says nothing of it: neither here, nor to a database that holds what somebody had begun.
    keepAlive: true,
    keepAliveInitialDelayMillis: SQL_KEEPALIVE_MS,
    idle_in_transaction_session_timeout: SQL_IDLE_MS,
    types: types as never,
  });
  // Of a connection that nobody uses. It is gone from the pool, and the next one says what is wrong.
  pool.on("error", () => undefined);
  return new RealSql(pool, clock);
}

class RealSql implements Sql {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #taken = new Set<PoolClient>();
  #isClosed = false;

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  query(statement: Statement, within: Within): Promise<Result<readonly SqlRow[], SqlFailure>> {
    return this.#use(within, (session) => session.query(statement));
  }

  transaction<Value, F extends Failure>(
    work: (session: SqlSession) => Promise<Result<Value, F>>,
    within: Within,
  ): Promise<Result<Value, F | SqlFailure>> {
    return this.#use<Value, F>(within, async (session) => {
      const begun = await session.query({ text: "begin isolation level read committed" });
      if (!begun.ok) return begun;
      const done = await work(session);
      // Postgres would take the commit, do nothing of it, and call that a success.
      const { refusal } = session;
      const ended = await session.query({ text: done.ok && refusal === undefined ? "commit" : "rollback" });
      if (!done.ok) return done;
      if (refusal !== undefined) return fail(refusal);
      return ended.ok ? done : ended;
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const client of [...this.#taken]) this.#giveBack(client, true);
    await this.#pool.end();
  }

  async #use<Value, F extends Failure>(
    within: Within,
    work: (session: Session) => Promise<Result<Value, F | SqlFailure>>,
  ): Promise<Result<Value, F | SqlFailure>> {
    if (this.#isClosed) return unreachable("no", "it was closed");
    if (within.signal.aborted) return unreachable("no", "nobody waits for it");
    if (within.deadlineMs <= this.#clock.nowMs()) return unreachable("no", "it is too late for it");
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      return unreachable("no", wordsOf(error));
    }
    this.#taken.add(client);
    // Without a listener an error of a connection that is in use would end the process.
    const onError = (): void => undefined;
    client.on("error", onError);
    const session = new Session(client);
    const onAbort = (): void => this.#giveBack(client, true);
    within.signal.addEventListener("abort", onAbort);
    const leftMs = within.deadlineMs - this.#clock.nowMs();
    const timer = leftMs <= TIMER_MS_MAX ? this.#clock.after(Math.max(0, leftMs), onAbort) : undefined;
    try {
      return await work(session);
    } catch (defect) {
      // A transaction may still be open on it.
      session.isBroken = true;
      throw defect;
    } finally {
      timer?.cancel();
      within.signal.removeEventListener("abort", onAbort);
      client.off("error", onError);
      this.#giveBack(client, session.isBroken);
    }
  }

  #giveBack(client: PoolClient, isBroken: boolean): void {
    if (this.#taken.delete(client)) client.release(isBroken);
  }
}

/** One connection, for as long as somebody has it. */
class Session implements SqlSession {
  /** It is not to be used again: it is gone, or nobody knows what it still has to say. */
  isBroken = false;
  /** The first one. Where it was in a transaction, that can only be rolled back. */
  refusal: SqlRefused | undefined;
  readonly #client: PoolClient;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async query({ name, text, values = [] }: Statement): Promise<Result<readonly SqlRow[], SqlFailure>> {
    if (this.isBroken) return unreachable("no", "the connection is gone");
    try {
      const named = name === undefined ? {} : { name };
      const { rows } = await this.#client.query<Record<string, string | null>>({ ...named, text, values: [...values] });
      return ok(rows);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code === undefined) {
        this.isBroken = true;
        return unreachable("maybe", wordsOf(error));
      }
      if (!UNABLE.test(error.code)) {
        const refusal = refusalOf(error, error.code);
        this.refusal ??= refusal;
        return fail(refusal);
      }
      this.isBroken = true;
      return unreachable("maybe", `${error.code} ${wordsOf(error)}`);
    }
  }
}

function refusalOf(error: DatabaseError, state: string): SqlRefused {
  const { constraint } = error;
  const said = constraint === undefined ? {} : { constraint };
  return { code: "sql.refused", state, message: wordsOf(error), ...said };
}

function unreachable(executed: "no" | "maybe", cause: string): Result<never, SqlFailure> {
  return fail({ code: "sql.unreachable", executed, cause });
}

/** An error that the library made; anything else is a defect of ours. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) throw new Defect(`pg threw what is no error: ${String(error)}`);
  return (error.message === "" ? error.name : error.message).slice(0, SQL_MESSAGE_LENGTH_MAX);
}
