/**
 * The other cell of `bench/links.ts`: run with a directory, it serves one actor on a socket there, until its parent hangs
 * up.
 */
import { join } from "node:path";
import process from "node:process";
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { must, ok } from "#runtime/errors.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import { Machine } from "#runtime/machine.ts";
import type { Call } from "#runtime/protocol.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";

export const ECHO_CELL = "echo-cell";
export const ECHO_ACTOR = "echo";

export interface EchoProtocol {
  /** Answers with what it was sent. */
  echo: Call<{ readonly payload: Uint8Array }, { readonly payload: Uint8Array }>;
}

const echo: Behavior<EchoProtocol, Record<never, never>, undefined, undefined> = {
  name: ECHO_ACTOR,
  init: () => undefined,
  handlers: { echo: (_state, { payload }) => ok({ payload }) },
};

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

/** A switchboard as a cell has it, on a socket of its own name. `actor` is what others may call here. */
export function createBoard(cell: string, directory: string, actor?: Actor): Switchboard {
  return new Switchboard({
    cell,
    buildId: "bench",
    network: realNetwork,
    clock: realClock,
    scheduler: realScheduler,
    random: createRealRandom(),
    metrics: new Metrics(),
    log: silent,
    local: (name) => (name === actor?.name ? actor : undefined),
    socketOf: (name) => ({ path: join(directory, name) }),
  });
}

async function serve(directory: string): Promise<void> {
  const metrics = new Metrics();
  const machine = new Machine({
    clock: realClock,
    random: createRealRandom(),
    scheduler: realScheduler,
    bus: new Bus<{ readonly type: string }>({ clock: realClock, metrics }),
    log: silent,
    metrics,
  });
  const actor = new Actor(
    {
      name: ECHO_ACTOR,
      // The machine hosts any actor, so it sees the types erased.
      behavior: echo as unknown as Behavior<never, never, never, never>,
      deps: undefined,
      mailbox: { capacity: 1024, overflow: "reject" },
      laterMax: 1,
      shutdownMs: 1 * second,
    },
    machine,
  );
  must(await actor.start(), "starting the actor");
  const board = createBoard(ECHO_CELL, directory, actor);
  must(await board.listen({ path: join(directory, ECHO_CELL) }), "listening");
  process.once("disconnect", () => void board.close().then(() => process.exit()));
  process.send?.("listening");
}

const [, , directory] = process.argv;
if (import.meta.main && directory !== undefined) await serve(directory);
