/**
 * The child that measures what an unsampled trace costs a message: calls within a caller's context, with such a trace and
 * without, taking turns in one process. And what being within a context costs at all. In time of this thread on a core,
 * because a few ns are less than what a shared machine adds.
 */
import { MAILBOX_CAPACITY } from "#bench/actors/arm.ts";
import { cepaMachine, hostActor } from "#bench/actors/cepa-machine.ts";
import { type CounterProtocol, counter, patient, sumOf } from "#bench/actors/counter.ts";
import { serveRounds } from "#bench/actors/serve.ts";
import type { CallOptions, Ref, Within } from "#runtime/ref.ts";

const [count = ""] = process.argv.slice(2);
const calls = Number(count);
const one = { amount: 1 };
const context: Within = {
  deadlineMs: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  trace: undefined,
};
const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", flags: 0 };
const alone: CallOptions = { ...patient, within: undefined };
const untraced: CallOptions = { ...patient, within: context };
const unsampled: CallOptions = { ...patient, within: { ...context, trace } };

await serveRounds(async () => {
  const hosted = hostActor(cepaMachine(), counter, { capacity: MAILBOX_CAPACITY });
  await hosted.start();
  let isTurned = false;
  return async () => {
    const before = await sumOf(hosted.ref);
    // The order turns, so that neither always meets what the other left to be collected.
    isTurned = !isTurned;
    const aloneNs = await perCallNs(hosted.ref, alone);
    const first = await perCallNs(hosted.ref, isTurned ? unsampled : untraced);
    const last = await perCallNs(hosted.ref, isTurned ? untraced : unsampled);
    const [unsampledNs, untracedNs] = isTurned ? [first, last] : [last, first];
    return { sent: 3 * calls, handled: (await sumOf(hosted.ref)) - before, aloneNs, untracedNs, unsampledNs };
  };
});

async function perCallNs(ref: Ref<CounterProtocol>, options: CallOptions): Promise<number> {
  const started = process.threadCpuUsage();
  for (let left = calls; left > 0; left -= 1) await ref.call("add", one, options);
  const { user, system } = process.threadCpuUsage(started);
  return ((user + system) * 1000) / calls;
}
