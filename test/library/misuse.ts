/**
 * What must not compile, from the sources as from the package (LIB-8). Nothing here runs.
 *
 * Each expectation fails when the line below it compiles: a type that has become `any` is found out.
 */
import { type Behavior, type Call, type Cast, fail, ok, type Ref } from "cepa/runtime";
import { startSystem, worker } from "cepa/supervisor";

interface StockProtocol {
  take: Call<{ readonly count: number }, number, { readonly code: "stock.empty" }>;
  note: Cast<{ readonly text: string }>;
}
interface ShopProtocol {
  sell: Call<{ readonly count: number }, number, { readonly code: "shop.closed" }>;
}
interface StockEvents {
  readonly taken: { readonly count: number };
}

export const stock: Behavior<StockProtocol, StockEvents, undefined, { left: number }> = {
  name: "stock",
  init: () => ({ left: 5 }),
  handlers: {
    take: (state, request, ctx) => {
      // @ts-expect-error: the request has no such member.
      state.left -= request.amount;
      // @ts-expect-error: the state has no such member.
      state.right = 1;
      // @ts-expect-error: the behavior announces no such event.
      ctx.publish("sold", { count: 1 });
      // @ts-expect-error: the event has another shape.
      ctx.publish("taken", { amount: 1 });
      return state.left < 0 ? fail({ code: "stock.empty" }) : ok(state.left);
    },
    note: () => undefined,
  },
};

export const undeclared: typeof stock.handlers = {
  // @ts-expect-error: the protocol does not declare that failure.
  take: () => fail({ code: "stock.stolen" }),
  note: () => undefined,
};

export const wrongReply: typeof stock.handlers = {
  // @ts-expect-error: the reply is a number.
  take: () => ok("five"),
  note: () => undefined,
};

// @ts-expect-error: a message has no handler.
export const incomplete: typeof stock.handlers = { note: () => undefined };

export const again: typeof stock = {
  ...stock,
  // @ts-expect-error: the protocol does not say that it may run twice.
  idempotent: { take: true },
};

export const shop: Behavior<ShopProtocol, Record<never, never>, { readonly stock: Ref<StockProtocol> }, undefined> = {
  name: "shop",
  init: () => undefined,
  handlers: { sell: () => fail({ code: "shop.closed" }) },
};

// @ts-expect-error: the shop needs its stock.
worker({ behavior: shop });
// @ts-expect-error: that is no stock.
worker({ behavior: shop, deps: () => ({ stock: "five" }) });
// @ts-expect-error: that is the ref of a shop.
worker({ behavior: shop, deps: (ref) => ({ stock: ref(shop) }) });
// @ts-expect-error: there is no such restart type.
worker({ behavior: stock, restart: "always" });

export async function misuse(): Promise<void> {
  const children = [worker({ behavior: stock }), worker({ behavior: shop, deps: (ref) => ({ stock: ref(stock) }) })];
  const system = await startSystem({ name: "misuse", children });
  const ref = system.ref(stock);

  // @ts-expect-error: no call goes without a deadline.
  await ref.call("take", { count: 1 });
  // @ts-expect-error: there is no such message.
  await ref.call("give", { count: 1 }, { timeoutMs: 1 });
  // @ts-expect-error: a cast is not answered.
  await ref.call("note", { text: "x" }, { timeoutMs: 1 });
  // @ts-expect-error: a call is not sent without waiting.
  ref.cast("take", { count: 1 });
  // @ts-expect-error: the request has another shape.
  await ref.call("take", { count: "one" }, { timeoutMs: 1 });

  const answer = await ref.call("take", { count: 1 }, { timeoutMs: 1 });
  // @ts-expect-error: there is no value before `ok` was looked at.
  answer.value;
  // @ts-expect-error: the caller of the stock cannot meet the failure of the shop.
  if (!answer.ok && answer.failure.code === "shop.closed") return;
  const events = system.bus.subscribe();
  const received = await events.next();
  // @ts-expect-error: nothing of that type is announced on the bus.
  if (received?.event.type === "childForgotten") return;
}
