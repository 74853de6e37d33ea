/**
 * A pipeline that takes only as much as it can do: `node_modules/.bin/node examples/pipeline.ts`.
 *
 * Watch: the source calls with `whenFull: "wait"`, so a slow sink slows it down and nothing is lost; the sampler sends
 * casts, which never wait, so some are dropped, and each loss is counted; the call to the sink inherits what is left of
 * the first caller's deadline, however long a timeout it asks for.
 */
import { type Behavior, type Call, type Cast, fail, ok, type Ref } from "cepa/runtime";
import { startSystem, worker } from "cepa/supervisor";

interface SinkProtocol {
  /** Takes 2 ms. Answers with the milliseconds that were left when it began. */
  store: Call<{ readonly item: number }, number>;
  sample: Cast<{ readonly item: number }>;
}
interface StageProtocol {
  pass: Call<{ readonly item: number }, number, { readonly code: "stage.not-stored" }>;
}
type NoEvents = Record<never, never>;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const sink: Behavior<SinkProtocol, NoEvents, undefined, undefined> = {
  name: "sink",
  init: () => undefined,
  handlers: {
    store: async (_state, _item, ctx) => {
      const leftMs = ctx.deadlineMs - ctx.clock.nowMs();
      await pause(2);
      return ok(leftMs);
    },
    sample: () => undefined,
  },
};

const stage: Behavior<
  StageProtocol,
  NoEvents,
  { readonly sink: Ref<SinkProtocol> },
  { readonly sink: Ref<SinkProtocol> }
> = {
  name: "stage",
  init: (deps) => deps,
  handlers: {
    // `later` frees the mailbox while the sink works; `within` hands deadline and cancellation on.
    pass: (state, request, ctx) =>
      ctx.later(
        (task) => state.sink.call("store", request, { timeoutMs: 60_000, within: task, whenFull: "wait" }),
        (_state, stored) => (stored.ok ? stored : fail({ code: "stage.not-stored" })),
      ),
  },
};

const system = await startSystem({
  name: "example",
  children: [
    worker({ behavior: sink, mailbox: { capacity: 4 } }),
    worker({ behavior: stage, deps: (ref) => ({ sink: ref(sink) }), mailbox: { capacity: 8 }, laterMax: 8 }),
  ],
});

const items = Array.from({ length: 100 }, (_, item) => item);
const pass = (item: number) => system.ref(stage).call("pass", { item }, { timeoutMs: 10_000, whenFull: "wait" });
const passed = await Promise.all(items.map(pass));
console.log(`passed ${passed.filter(({ ok }) => ok).length} of ${items.length}`);
console.log(`deadline inherited: ${passed.every((answer) => answer.ok && answer.value <= 10_000)}`);

const outcomes = items.map((item) => system.ref(sink).cast("sample", { item }));
console.log(`sampled ${outcomes.filter((outcome) => outcome === "accepted").length}`);
const counted = system.metrics.takeDeltas().find(({ labels }) => labels["reason"] === "mailbox-full");
console.log(`lost and counted ${counted?.value}`);
console.log(await system.stop());
