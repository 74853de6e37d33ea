/** Where the programs of the servers are on this machine, as a seam. */
import type { Launch } from "#supervisor/server/server-child.ts";

export interface ServerPrograms {
  /** Directory of `postgres` and `initdb`; undefined where there is none for this machine. */
  postgres(): string | undefined;
  /** Path of a Redis server, a link in `folder` if it has to be; undefined where there is none. */
  redis(folder: string): string | undefined;
  /** What brings one to this machine, or says what a person has to do; undefined where nothing can. */
  readonly provideRedis?: Pick<Launch, "command" | "args" | "env">;
}
