/** A shop that takes orders, tried over a line that loses, doubles and overtakes. */
import assert from "node:assert/strict";
import { type Behavior, type Call, type Failure, fail, ok } from "cepa/runtime";
import { LinkMatrix, runSeeds, SimulatedCell } from "cepa/testing";

interface ShopProtocol {
  /** Takes `count` from the stock, once for each `order`. */
  buy: Call<{ readonly order: string; readonly count: number }, { readonly left: number }, Failure<"shop.sold-out">>;
}

interface Stock {
  left: number;
  readonly sold: Set<string>;
}

const shop: Behavior<ShopProtocol, Record<never, never>, { readonly stock: number }, Stock> = {
  name: "shop",
  init: ({ stock }) => ({ left: stock, sold: new Set() }),
  handlers: {
    buy: (state, { order, count }) => {
      // A buyer who lost the answer asks again.
      if (state.sold.has(order)) return ok({ left: state.left });
      if (count > state.left) return fail({ code: "shop.sold-out" });
      state.left -= count;
      state.sold.add(order);
      return ok({ left: state.left });
    },
  },
};

const { runs, repeated } = await runSeeds({ count: 200 }, async (simulation) => {
  const cell = new SimulatedCell(simulation);
  const actor = await simulation.until(cell.start(shop, { stock: 50 }));
  const links = new LinkMatrix(simulation);
  links.conditions("town", "shop", { lossPercent: 20, duplicatePercent: 20, reorderPercent: 20, delayMs: 5 });
  links.conditions("shop", "town", { lossPercent: 20 });
  const ref = links.ref("town", "shop", actor.ref);

  const buy = async (order: string): Promise<void> => {
    for (let attempt = 1; attempt <= 50; attempt += 1) {
      const answer = await ref.call("buy", { order, count: 1 }, { timeoutMs: 100 });
      simulation.tell("answer", order, answer);
      if (answer.ok) return;
    }
    assert.fail(`${order} was never answered`);
  };
  await simulation.until(Promise.all(["one", "two", "three", "four"].map(buy)));

  const last = await simulation.until(actor.ref.call("buy", { order: "five", count: 1 }, { timeoutMs: 100 }));
  assert.deepEqual(last, ok({ left: 45 }));
});
process.stdout.write(`${runs} seeds, ${repeated} of them the same again\n`);
