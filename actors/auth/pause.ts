/** Waiting, for as long as somebody still wants what comes after it. */
import type { Clock } from "#runtime/clock.ts";

/** Settles after `delayMs`, or at once when `signal` is aborted. */
export async function pause(clock: Pick<Clock, "after">, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(delayMs, resolve);
  const end = (): void => resolve();
  signal.addEventListener("abort", end);
  await promise;
  timer.cancel();
  signal.removeEventListener("abort", end);
}
