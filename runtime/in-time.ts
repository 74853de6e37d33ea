/** Work that is waited for no longer than so long. It goes on by itself. */
import type { Clock } from "#runtime/clock.ts";

/** As the work settles; with undefined where that takes longer than `waitMs`. */
export async function inTime<Outcome>(
  work: Promise<Outcome>,
  waitMs: number,
  clock: Pick<Clock, "after">,
): Promise<Outcome | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome | undefined>();
  const timer = clock.after(waitMs, () => resolve(undefined));
  work.then(resolve, reject);
  return await promise.finally(() => timer.cancel());
}
