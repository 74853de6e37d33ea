/**
 * An outside service that fails, and an actor that copes: `node_modules/.bin/node examples/service.ts`.
 *
 * Watch: one `later` retries within the caller's deadline while the mailbox goes on serving; a caller whose time is up
 * gets a failure and not a hang; a worker that crashes too often is quarantined, calls to it are refused at once, and
 * `resume` brings it back.
 */
import { type Behavior, type Call, Defect, fail, ok, type Task } from "cepa/runtime";
import { startSystem, worker } from "cepa/supervisor";

/** What a caller of `quote` must think about: every attempt failed. Retry later. */
interface Unavailable {
  readonly code: "prices.unavailable";
  readonly attempts: number;
}
interface PricesProtocol {
  quote: Call<{ readonly item: string }, number, Unavailable>;
}

const ATTEMPTS_MAX = 4;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Stands for a request over the network: 10 ms each, and fails as often as it is told to. */
const outage = { failuresLeft: 0 };
async function fetchPrice(item: string): Promise<number | undefined> {
  await pause(10);
  outage.failuresLeft -= 1;
  return outage.failuresLeft >= 0 ? undefined : item.length;
}

/** `task.signal` is aborted when nobody waits any more: the deadline passed, or caller or actor are gone. */
async function fetchPatiently(item: string, task: Task): Promise<number | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX && !task.signal.aborted; attempt += 1) {
    const price = await fetchPrice(item);
    if (price !== undefined) return price;
    await pause(10 * 2 ** attempt);
  }
  return undefined;
}

const prices: Behavior<PricesProtocol, Record<never, never>, undefined, undefined> = {
  name: "prices",
  init: () => undefined,
  handlers: {
    quote: (_state, { item }, ctx) => {
      if (item === "") throw new Defect("an item has a name");
      return ctx.later(
        (task) => fetchPatiently(item, task),
        (_later, price) =>
          price === undefined ? fail({ code: "prices.unavailable", attempts: ATTEMPTS_MAX }) : ok(price),
      );
    },
  },
};

const budget = { restartsMax: 1, periodMs: 60_000 };
const system = await startSystem({ name: "example", children: [worker({ behavior: prices, budget })] });
const ref = system.ref(prices);
const quote = async (item: string, timeoutMs = 5000): Promise<void> => {
  const answer = await ref.call("quote", { item }, { timeoutMs });
  console.log(`"${item}":`, answer.ok ? answer.value : answer.failure.code);
};

outage.failuresLeft = 2;
await quote("onion");
outage.failuresLeft = 1000;
await quote("leek");
await quote("garlic", 20);
outage.failuresLeft = 0;

const events = system.bus.subscribe();
await Promise.all([quote(""), quote("")]);
for (let next = await events.next(); next?.event.type !== "childQuarantined"; next = await events.next());
await quote("shallot");
system.resume("prices");
await quote("shallot");
console.log(await system.stop());
