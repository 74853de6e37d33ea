/**
 * What auth and ingest keep, in memory, at the place of the simulated Postgres: they are wired with it instead of with tables of SQL.
 * It outlives the lives of the node, and is reached and lost as the Postgres is.
 */
import { sign, verify } from "node:crypto";
import type { AuthDeps } from "#actors/auth/actor.ts";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { ALG, type TokenSigning, TYP } from "#actors/domain/tokens/token-signing.ts";
import type { IngestDeps } from "#actors/ingest/actor.ts";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { MemoryRows } from "#actors/ingest/rows/memory-rows.ts";
import { rewired } from "#chaos/simulated/rewired.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";
import type { SimulatedPostgres } from "#supervisor/simulated/postgres.ts";

export class SimulatedTables {
  readonly directory: MemoryDirectory;
  readonly rows: MemoryRows;
  readonly #postgres: SimulatedPostgres;

  constructor(postgres: SimulatedPostgres, random: Random) {
    this.#postgres = postgres;
    this.directory = new MemoryDirectory(random);
    this.rows = new MemoryRows(random);
  }

  /** The same node, with these tables, and with signatures that take no thread. */
  in(catalogue: LoadedCatalogue): LoadedCatalogue {
    const auth = rewired<AuthDeps>(catalogue, "auth", (deps, { env }) => ({
      ...deps,
      signing: inlineSigning,
      directory: this.#reached<Directory>(this.directory, env.clock),
    }));
    return rewired<IngestDeps>(auth, "ingest", (deps, { env }) => ({
      ...deps,
      openRows: async () => this.#reached<EventRows>(this.rows, env.clock),
    }));
  }

  /** Each of its questions goes to the Postgres and comes back, but that nothing more is wanted of it, which goes nowhere. */
  #reached<Target extends Directory | EventRows>(target: Target, clock: Clock): Target {
    return new Proxy(target, {
      get: (_, name) => {
        if (name === "close") return async () => undefined;
        const question: unknown = Reflect.get(target, name, target);
        if (typeof question !== "function") return question;
        return (...asked: readonly unknown[]): Promise<unknown> =>
          this.#postgres.ask(clock, asked.at(-1) as Within, () => Reflect.apply(question, target, asked) as Answer);
      },
    });
  }
}

type Answer = Promise<Result<unknown, Failure>>;

/** In the turn in which it is asked for: another thread is no part of a simulation. */
export const inlineSigning: TokenSigning = {
  sign: async (claims, { kid, key }) => {
    const header = Buffer.from(JSON.stringify({ alg: ALG, kid, typ: TYP })).toString("base64url");
    const signed = `${header}.${Buffer.from(claims).toString("base64url")}`;
    return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
  },
  isSigned: async ({ signed, signature }, key) => verify(null, Buffer.from(signed), key, signature),
};
