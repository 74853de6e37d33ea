/** The child that is one arm at one work: `arm-main.ts ARM WORK COUNT ROUND_MS`. */
import type { Arm } from "#bench/actors/arm.ts";
import { serveRounds } from "#bench/actors/serve.ts";

const [armName = "", work = "", count = "", roundMs = ""] = process.argv.slice(2);

await serveRounds(async () => {
  const { arm } = (await import(`#bench/actors/arms/${armName}.ts`)) as { readonly arm: Arm };
  if (work.startsWith("memory-")) return () => weigh(arm, Number(count), work === "memory-woken");
  const prepare = arm.works[work];
  if (prepare === undefined) throw new Error(`${armName} does not offer ${work}`);
  const run = await prepare();
  return () => time(run, Number(count), Number(roundMs));
});

/** Whole batches, until the round has lasted long enough. */
async function time(run: (count: number) => Promise<number>, batch: number, roundMsMin: number): Promise<object> {
  let sent = 0;
  let handled = 0;
  let took = 0;
  const startedMs = performance.now();
  while (took < roundMsMin) {
    handled += await run(batch);
    sent += batch;
    took = performance.now() - startedMs;
  }
  return { sent, handled, took };
}

/** Only once in a process: what lived before would be weighed too. */
async function weigh({ populate }: Arm, count: number, woken: boolean): Promise<object> {
  if (populate === undefined) throw new Error(`${armName} has no actors to weigh`);
  const before = used();
  const population = await populate(count);
  const idle = used();
  const handled = await population.wake();
  return { sent: count, handled, took: (woken ? used() : idle) - before };
}

/** Bytes of the heap and of what it holds outside. Needs `--expose-gc`. */
function used(): number {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
