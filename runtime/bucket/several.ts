/** The same step for many things, several at once. */
import { type Failure, ok, type Result } from "#runtime/errors.ts";

/** The first failure, when all that began are over: after it none begins. */
export async function eachOf<Item, F extends Failure>(
  items: readonly Item[],
  atOnceMax: number,
  step: (item: Item) => Promise<Result<void, F>>,
): Promise<Result<void, F>> {
  const rest = items.values();
  let outcome: Result<void, F> = ok();
  const walk = async (): Promise<void> => {
    for (const item of rest) {
      const done = await step(item);
      if (!done.ok && outcome.ok) outcome = done;
      if (!outcome.ok) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, walk));
  return outcome;
}
