/** The links of a cell over a switchboard: every cell listens on a socket with its own name in the run directory. */
import { join } from "node:path";
import type { BaseEnv } from "#runtime/env.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import type { Links, LinksOptions } from "#supervisor/cell/seams.ts";

export function switchboardLinks(
  { cell, runDirectory, buildId, metrics, log, actors }: LinksOptions,
  env: BaseEnv,
): Links {
  const socketOf = (name: string): { readonly path: string } => ({ path: join(runDirectory, `${name}.sock`) });
  const { network, clock, scheduler, random } = env;
  const local = (name: string) => actors.get(name);
  const board = new Switchboard({ cell, buildId, network, clock, scheduler, random, metrics, log, local, socketOf });
  return {
    ref: (actor, home) => board.ref(actor, home),
    isConnected: (home) => board.isConnected(home),
    listen: () => board.listen(socketOf(cell)),
    close: () => board.close(),
  };
}
