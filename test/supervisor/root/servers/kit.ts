/** A real server under a child of the root, in a directory of its own. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { BaseEnv } from "#runtime/env.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { ServerChild, type ServerProgram } from "#supervisor/server/server-child.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { silent } from "#test/supervisor/kit.ts";

export const base: Pick<BaseEnv, "disk" | "network" | "processes" | "clock" | "random"> = {
  disk: createRealDisk(),
  network: realNetwork,
  processes: createRealProcesses(),
  clock: realClock,
  random: createRealRandom(),
};

export interface Ground {
  readonly places: { readonly data: string; readonly run: string };
  /** A child that runs `program`; it ends with the test. */
  child(name: string, program: ServerProgram): ServerChild;
}

export async function ground(context: TestContext): Promise<Ground> {
  // What writes into it ends first.
  const ends: (() => unknown)[] = [];
  const directory = await tempDirectory({ after: (remove) => ends.push(remove) });
  const alive = setInterval(() => undefined, 1000);
  context.after(async () => {
    for (const end of [...ends.slice(1), ends[0]]) await end?.();
    clearInterval(alive);
  });
  const places = { data: join(directory, "data"), run: join(directory, "run") };
  for (const place of Object.values(places)) await base.disk.makeDirectory(place);
  return {
    places,
    child: (name, program) => {
      const child = new ServerChild({ name, log: silent, processes: base.processes, clock: base.clock, ...program });
      ends.push(async () => {
        child.kill();
        await child.stop();
      });
      return child;
    },
  };
}
