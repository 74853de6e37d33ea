/** Two actors that never stop talking, on the real event loop: timers and sockets are served all the same. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { must, ok } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Ref } from "#runtime/ref.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { silentLog } from "#test/kit/actor.ts";

interface PlayerProtocol {
  hit: Cast<{ readonly isCall: boolean }>;
  answer: Call<{ readonly isCall: boolean }, void>;
}

interface PlayerDeps {
  readonly other: () => Ref<PlayerProtocol>;
  isOver: boolean;
  hits: number;
  /** Busy work in each turn, ms. */
  readonly turnMs: number;
}

const player: Behavior<PlayerProtocol, Record<never, never>, PlayerDeps, PlayerDeps> = {
  name: "player",
  init: (deps) => deps,
  handlers: {
    hit: (deps, { isCall }) => {
      deps.hits += 1;
      const endMs = performance.now() + deps.turnMs;
      while (performance.now() < endMs);
      if (deps.isOver) return;
      if (isCall) void deps.other().call("answer", { isCall }, { timeoutMs: 60_000 });
      else deps.other().cast("hit", { isCall });
    },
    answer: (deps, { isCall }) => {
      if (!deps.isOver) deps.other().cast("hit", { isCall });
      return ok();
    },
  },
};

async function startVolley(isCall: boolean, turnMs: number) {
  const metrics = new Metrics();
  const bus = new Bus<{ readonly type: string }>({ clock: realClock, metrics });
  const random = seededRandom(1);
  const machine = new Machine({ clock: realClock, random, scheduler: realScheduler, bus, log: silentLog, metrics });
  const deps = [0, 1].map(
    (side): PlayerDeps => ({ other: () => refs[1 - side] as Ref<PlayerProtocol>, isOver: false, hits: 0, turnMs }),
  );
  const actors = deps.map(
    (own, side) =>
      new Actor(
        {
          name: `player-${side}`,
          behavior: player as unknown as Behavior<never, never, never, never>,
          deps: own,
          mailbox: { capacity: 4, overflow: "reject" },
          laterMax: 1,
          shutdownMs: 1000,
        },
        machine,
      ),
  );
  const refs = actors.map((actor) => actor.ref<PlayerProtocol>());
  for (const actor of actors) must(await actor.start(), "starting a player");
  refs[0]?.cast("hit", { isCall });
  return {
    hits: () => deps.reduce((sum, { hits }) => sum + hits, 0),
    stop: async () => {
      for (const own of deps) own.isOver = true;
      for (const actor of actors) await actor.stop();
    },
  };
}

/** Round trips of one byte over a socket. */
async function roundTrips(count: number): Promise<number> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null, "it listens on a port");
  const socket = connect(address.port, "127.0.0.1");
  let done = 0;
  for (; done < count; done += 1) {
    socket.write("x");
    await once(socket, "data");
  }
  socket.destroy();
  server.close();
  return done;
}

describe("dispatcher: two actors that never stop talking", () => {
  for (const [what, isCall, turnMs] of [
    ["by casts", false, 0],
    ["by calls", true, 0],
    ["with long turns", false, 3],
  ] as const) {
    it(`lets timers and sockets progress (${what})`, async () => {
      const volley = await startVolley(isCall, turnMs);

      for (let timer = 0; timer < 20; timer += 1) await new Promise((resolve) => setTimeout(resolve, 1));
      const before = volley.hits();
      const trips = await roundTrips(20);
      const after = volley.hits();
      await volley.stop();

      assert.equal(trips, 20);
      assert(before > 0 && after > before, "the volley went on meanwhile");
    });
  }
});
