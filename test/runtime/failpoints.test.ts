/** Failpoints: off until they are armed, and then ends of as many lives as was said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { must, ok } from "#runtime/errors.ts";
import { armFailpoint, InjectedPanic } from "#runtime/failpoints.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import { SimulatedCell } from "#runtime/simulated/cell.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { type Started, startActor } from "#test/kit/actor.ts";

interface ShopProtocol {
  sell: Call<number, number, never>;
  send: Cast<number>;
}

interface Shop {
  sold: number;
}

const shop: Behavior<ShopProtocol, never, Shop, Shop> = {
  name: "shop",
  failpoints: ["sold", "in-a-task", "settled"],
  init: (deps) => deps,
  handlers: {
    sell: (state, count, ctx) => {
      state.sold += count;
      ctx.maybe("sold");
      return ok(state.sold);
    },
    send: (_state, _count, ctx) =>
      ctx.later(
        async () => {
          await undefined;
          ctx.maybe("in-a-task");
        },
        (_late, _done, settled) => settled.maybe("settled"),
      ),
  },
};

const opened = (): Promise<Started<ShopProtocol>> => startActor(shop, { sold: 0 });
const options = { timeoutMs: 1000 };

async function sell({ ref, clock }: Started<ShopProtocol>): Promise<unknown> {
  const answer = ref.call("sell", 1, options);
  await clock.settle();
  const answered = await answer;
  return answered.ok ? answered.value : answered.failure.code;
}

const ends = ({ exits }: Started<ShopProtocol>): readonly unknown[] =>
  exits.map((exit) => exit.kind === "crashed" && exit.defect instanceof InjectedPanic && exit.defect.message);

describe("failpoints", () => {
  it("are passed while none is armed, and while another is", async () => {
    const started = await opened();

    assert.equal(await sell(started), 1);
    must(armFailpoint(started.actor, "settled", 1), "arming");
    assert.equal(await sell(started), 2);
    assert.deepEqual(started.exits, []);
  });

  it("end as many lives as they are armed for, after what was done before them", async () => {
    const started = await opened();
    must(armFailpoint(started.actor, "sold", 2), "arming");

    assert.equal(await sell(started), "runtime.actor-crashed");
    await started.restart();
    assert.equal(await sell(started), "runtime.actor-crashed");
    await started.restart();
    assert.equal(await sell(started), 3);
    assert.deepEqual(ends(started), ["injected at sold", "injected at sold"]);
  });

  it("are off when they are armed for no time", async () => {
    const started = await opened();
    must(armFailpoint(started.actor, "sold", 5), "arming");
    must(armFailpoint(started.actor, "sold", 0), "disarming");

    assert.equal(await sell(started), 1);
  });

  for (const failpoint of ["in-a-task", "settled"]) {
    it(`end a life ${failpoint === "settled" ? "when a task is settled" : failpoint.replaceAll("-", " ")}`, async () => {
      const started = await opened();
      must(armFailpoint(started.actor, failpoint, 1), "arming");

      started.ref.cast("send", 1);
      await started.clock.settle();

      assert.deepEqual(ends(started), [`injected at ${failpoint}`]);
    });
  }

  it("are refused by a name that the actor does not have", async () => {
    const { actor } = await opened();

    assert.deepEqual(armFailpoint(actor, "nowhere", 1), {
      ok: false,
      failure: { code: "runtime.no-such-failpoint", failpoint: "nowhere", known: ["sold", "in-a-task", "settled"] },
    });
  });
});

describe("failpoints, simulated", () => {
  it("are armed by a scenario", async () => {
    const simulation = new Simulation(1);
    const cell = new SimulatedCell(simulation);
    const actor = await simulation.until(cell.start(shop, { sold: 0 }));
    actor.arm("sold");

    const [lost, sold] = [await simulation.until(actor.ref.call("sell", 1, options)), await resold()];

    assert.equal(lost.ok, false);
    assert.deepEqual([sold.ok, actor.incarnation, actor.exits.length], [true, 2, 1]);
    assert.throws(() => actor.arm("nowhere"), /shop has the failpoint/);
    simulation.end();

    async function resold() {
      await simulation.advance(200);
      return await simulation.until(actor.ref.call("sell", 1, options));
    }
  });
});
