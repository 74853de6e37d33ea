/** Two switchboards in one process over real Unix sockets, with a real actor behind one of them. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { type ByteSource, ENDED } from "#runtime/byte-source.ts";
import { ok } from "#runtime/errors.ts";
import type { ErasedRef } from "#runtime/link/erased-ref.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import type { Call } from "#runtime/protocol.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { KiB, MiB, second } from "#runtime/units.ts";
import { silentLog, startActor } from "#test/kit/actor.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { drain, PatternSource } from "#test/runtime/link/kit.ts";

interface StoreProtocol {
  store: Call<{ readonly source: ByteSource }, { readonly bytes: number }>;
  fetch: Call<{ readonly sizeBytes: number }, { readonly source: ByteSource }>;
  crash: Call<Record<never, never>>;
}

const store: Behavior<StoreProtocol, Record<never, never>, undefined, undefined> = {
  name: "store",
  init: () => undefined,
  handlers: {
    store: (_state, { source }, ctx) =>
      ctx.later(
        () => drain(source, 256 * KiB),
        (_now, { bytes }) => ok({ bytes }),
      ),
    fetch: (_state, { sizeBytes }) => ok({ source: new PatternSource(sizeBytes) }),
    crash: () => {
      throw new RangeError("crashed by the test");
    },
  },
};

const within = { timeoutMs: 20 * second };

function boardsIn(directory: string, actor: ErasedRef): (cell: string) => Switchboard {
  return (cell) =>
    new Switchboard({
      cell,
      buildId: "build-1",
      network: realNetwork,
      clock: realClock,
      scheduler: realScheduler,
      random: createRealRandom(),
      metrics: new Metrics(),
      log: silentLog,
      local: (name) => (name === "store" ? actor : undefined),
      socketOf: () => ({ path: join(directory, "data") }),
    });
}

describe("link (real sockets, real actor)", () => {
  it("carries streams both ways, whole, and the news of a crash", async (context) => {
    const directory = await tempDirectory(context);
    const { actor, clock } = await startActor(store, undefined);
    const board = boardsIn(directory, actor);
    const data = board("data");
    const gate = board("gate");
    assert.deepEqual(await data.listen({ path: join(directory, "data") }), ok());
    const ref = gate.ref<StoreProtocol>("store", "data");

    const stored = await ref.call("store", { source: new PatternSource(9 * MiB + 5) }, within);
    const fetched = await ref.call("fetch", { sizeBytes: 9 * MiB + 5 }, within);
    assert(fetched.ok, "it answers with a source");
    const drained = await drain(fetched.value.source, 256 * KiB);
    const crashed = await ref.call("crash", {}, within);

    assert.deepEqual(stored, ok({ bytes: 9 * MiB + 5 }));
    assert.deepEqual(drained, { bytes: 9 * MiB + 5, outcome: ENDED, failure: undefined });
    assert.deepEqual(crashed, {
      ok: false,
      failure: { code: "runtime.actor-crashed", actor: "store", executed: "maybe" },
    });
    await gate.close();
    await data.close();
    await actor.stop();
    await clock.settle();
  });

  it("reaches a cell again that listens again, because its socket was removed, and that was reached before", async (context) => {
    const directory = await tempDirectory(context);
    const { actor, clock } = await startActor(store, undefined);
    const board = boardsIn(directory, actor);
    const [data, before, after] = [board("data"), board("gate"), board("ops")];
    const path = join(directory, "data");
    const stores = (from: Switchboard) =>
      from.ref<StoreProtocol>("store", "data").call("store", { source: new PatternSource(5) }, within);
    assert.deepEqual(await data.listen({ path }), ok());
    assert.deepEqual(await stores(before), ok({ bytes: 5 }));

    rmSync(path);
    assert.deepEqual(await data.listen({ path }), ok());

    assert.equal(existsSync(path), true);
    assert.deepEqual(await stores(after), ok({ bytes: 5 }));
    assert.deepEqual(await stores(before), ok({ bytes: 5 }));
    await before.close();
    await after.close();
    await data.close();
    assert.equal(existsSync(path), false);
    await actor.stop();
    await clock.settle();
  });
});
