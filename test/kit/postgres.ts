/** A real Postgres for the tests of one file, in a directory of its own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import { postgresServer, postgresUrl } from "#supervisor/root/servers/postgres-server.ts";
import { ServerChild } from "#supervisor/server/server-child.ts";
import { silent } from "#test/supervisor/kit.ts";

export interface TestPostgres {
  readonly url: string;
  /** Path of the Unix socket that it is reached by. */
  readonly socket: string;
  /** SIGKILL to all of it; settles when nothing of it is left. */
  kill(): Promise<void>;
  /** After `kill`. */
  start(): Promise<void>;
}

/** It ends when the tests of the file have. */
export async function startPostgres(): Promise<TestPostgres> {
  const directory = await mkdtemp(join(tmpdir(), "cepa-test-"));
  const places = { data: join(directory, "data"), run: directory };
  const base = { disk: createRealDisk(), network: realNetwork, processes: createRealProcesses(), clock: realClock };
  const { postgres } = realPrograms("");
  const program = postgresServer({ base, places, userId: process.getuid?.() ?? 0, programs: postgres });
  const child = new ServerChild({
    name: "postgres",
    log: silent,
    processes: base.processes,
    clock: base.clock,
    ...program,
  });
  // Timers of the runtime keep nothing alive.
  const alive = setInterval(() => undefined, 1000);
  let onExit: () => void = () => undefined;
  child.onExit(() => onExit());
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      onExit = resolve;
      child.kill();
    });
  const start = async (): Promise<void> => {
    must(await child.start(), "Postgres");
  };
  after(async () => {
    if (child.pid !== 0) await kill();
    clearInterval(alive);
    await rm(directory, { recursive: true, force: true });
  });
  await start();
  return { url: postgresUrl(places), socket: join(directory, ".s.PGSQL.5432"), kill, start };
}
