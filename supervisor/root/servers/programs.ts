/** Where the programs of the servers are on this machine, as a seam. */
export interface ServerPrograms {
  /** Directory of `postgres` and `initdb`; undefined where there is none for this machine. */
  postgres(): string | undefined;
  /** Path of a Redis server, a link in `folder` if it has to be; undefined where there is none. */
  redis(folder: string): string | undefined;
}
