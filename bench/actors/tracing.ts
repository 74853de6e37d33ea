/**
 * The child that measures what an unsampled trace costs a message: calls within a caller's context, with such a trace and
 * without, and calls without a context.
 *
 * They take turns in short blocks in one process, and a round is the median of its blocks: a few ns are less than what
 * a shared machine adds to most longer stretches.
 */
import { MAILBOX_CAPACITY } from "#bench/actors/arm.ts";
import { cepaMachine, hostActor } from "#bench/actors/cepa-machine.ts";
import { type CounterProtocol, counter, patient, sumOf } from "#bench/actors/counter.ts";
import { serveRounds } from "#bench/actors/serve.ts";
import { median } from "#bench/measurement.ts";
import type { CallOptions, Ref, Within } from "#runtime/ref.ts";

const [count = ""] = process.argv.slice(2);
/** Calls of a kind before those of the next: so few that most blocks are disturbed by nobody. */
const BLOCK = 250;
const blocks = Number(count) / BLOCK;
const one = { amount: 1 };
const context: Within = {
  deadlineMs: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  trace: undefined,
};
const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", flags: 0 };
const KINDS = ["alone", "untraced", "unsampled"] as const;
const options: Readonly<Record<(typeof KINDS)[number], CallOptions>> = {
  alone: { ...patient, within: undefined },
  untraced: { ...patient, within: context },
  unsampled: { ...patient, within: { ...context, trace } },
};

await serveRounds(async () => {
  const hosted = hostActor(cepaMachine(), counter, { capacity: MAILBOX_CAPACITY });
  await hosted.start();
  return async () => {
    const before = await sumOf(hosted.ref);
    const samples = { alone: [] as number[], untraced: [] as number[], unsampled: [] as number[] };
    for (let block = 0; block < blocks; block += 1) {
      // Forth and back, so that none always meets what another left to be collected.
      for (const kind of block % 2 === 0 ? KINDS : KINDS.toReversed()) {
        samples[kind].push(await perCallNs(hosted.ref, options[kind]));
      }
    }
    const [aloneNs, untracedNs, unsampledNs] = KINDS.map((kind) => median(samples[kind]));
    const handled = (await sumOf(hosted.ref)) - before;
    return { sent: KINDS.length * blocks * BLOCK, handled, aloneNs, untracedNs, unsampledNs };
  };
});

async function perCallNs(ref: Ref<CounterProtocol>, how: CallOptions): Promise<number> {
  const startedMs = performance.now();
  for (let left = BLOCK; left > 0; left -= 1) await ref.call("add", one, how);
  return ((performance.now() - startedMs) * 1e6) / BLOCK;
}
