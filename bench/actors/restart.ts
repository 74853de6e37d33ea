/** The child that measures restarts without backoff: from the crash to the first answer of the next incarnation. */
import { MAILBOX_CAPACITY } from "#bench/actors/arm.ts";
import { cepaMachine, hostActor } from "#bench/actors/cepa-machine.ts";
import { counter, patient } from "#bench/actors/counter.ts";
import { serveRounds } from "#bench/actors/serve.ts";

const [count = ""] = process.argv.slice(2);

await serveRounds(async () => {
  const hosted = hostActor(cepaMachine(), counter, { capacity: MAILBOX_CAPACITY });
  await hosted.start();
  hosted.keep();
  return async () => {
    const samples: number[] = [];
    let handled = 0;
    for (let crash = 0; crash < Number(count); crash += 1) {
      const startedMs = performance.now();
      hosted.ref.cast("crash", {});
      const answer = await hosted.ref.call("add", { amount: 1 }, patient);
      samples.push(performance.now() - startedMs);
      // A fresh state says that it was the next incarnation that answered.
      if (answer.ok && answer.value === 1) handled += 1;
    }
    return { sent: Number(count), handled, samples };
  };
});
