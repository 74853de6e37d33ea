/** Runs of a real bus that is looked at: one at random, by a seed, and those of every order within a few preemptions. */
import type { BusLook } from "#chaos/models/bus-run.ts";
import { BUS_OVERFLOW_INTERVAL_MS } from "#runtime/bus.ts";
import { turnsOver } from "#runtime/real/turns-over.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { type Explored, explore } from "#runtime/simulated/explore.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SeenBus } from "#test/chaos/models/seen-bus.ts";

/** Calls that follow each other without an await. */
const BURST_MAX = 3;
const CAPACITY_MAX = 4;
const EXPLORED_CAPACITY = 2;

export interface BusSchedule {
  readonly capacity: number;
  readonly looks: readonly BusLook[];
}

export async function randomBusRun(seed: number, stepCount: number): Promise<BusSchedule> {
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const capacity = 1 + random.below(CAPACITY_MAX);
  const names = ["r", "s", "t", "u"].slice(0, 1 + random.below(4));
  const bus = new SeenBus({ capacity, clock, names, announces: random.below(2) === 0 });
  for (let step = 0; step < stepCount; step += 1) {
    const burst = 1 + random.below(BURST_MAX);
    for (let call = 1; call <= burst; call += 1) {
      one(bus, names[random.below(names.length)] ?? "r", random.below(20));
      if (call < burst) bus.look({ rests: false });
    }
    await turnsOver();
    bus.look({ rests: true });
    if (random.below(8) === 0) await clock.advance(BUS_OVERFLOW_INTERVAL_MS);
  }
  return { capacity, looks: bus.looks };
}

function one(bus: SeenBus, name: string, what: number): void {
  const listener = bus.listener(name);
  if (what < 9) bus.publish();
  else if (listener.place === "away") bus.subscribe(name);
  // It has one consumer.
  else if (what < 13 && listener.place !== "waiting") void listener.next();
  else if (what < 19 && listener.place !== "waiting") listener.take();
  else if (what === 19) listener.close();
}

/** Two publishers, one who takes and one who waits, and the end of both at any time. `heard` is called once for each run. */
export function exploreBus(preemptionsMax: number, heard: (run: BusSchedule) => void): Promise<Explored> {
  return explore(
    async (play) => {
      const names = ["r", "s"];
      const bus = new SeenBus({ capacity: EXPLORED_CAPACITY, clock: new ManualClock(), names, announces: false });
      const [taker, waiter] = [bus.listener("r"), bus.listener("s")];
      bus.subscribe("s");
      /** Whoever has a slot finds the bus at rest. */
      const seen = (step: () => void | Promise<void>) => () => {
        bus.look({ rests: true });
        return step();
      };
      const publish = seen(() => bus.publish());
      const wait = seen(() => waiter.next());
      play.script("p", publish, publish);
      play.script("q", publish, publish);
      play.script(
        "r",
        seen(() => bus.subscribe("r")),
        ...[1, 2].map(() => seen(() => taker.take())),
        seen(() => taker.close()),
        seen(() => taker.take()),
      );
      play.script("s", wait, wait);
      play.script(
        "end",
        seen(() => waiter.close()),
      );
      await play.interleave();
      bus.look({ rests: true });

      heard({ capacity: EXPLORED_CAPACITY, looks: bus.looks });
    },
    { preemptionsMax, runsMax: 1_000_000 },
  );
}
