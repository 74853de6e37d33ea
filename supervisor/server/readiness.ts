/** Waits until a server serves, by asking it again and again: so many tries, each with a time of its own. */
import type { Clock } from "#runtime/clock.ts";
import { Defect } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export interface ReadinessSpec {
  /** Asks the server whether it serves. A probe that throws is a defect, and ends the start. */
  readonly probe: (within: Within) => Promise<boolean>;
  /** Longest time for one try, ms; past it the answer is no, whatever the probe does. */
  readonly tryTimeoutMs: number;
  /** Pause between two tries, ms. */
  readonly pauseMs: number;
  /** Tries; after the last one the server is given up. */
  readonly triesMax: number;
}

/** `over` where nobody wants to know any more; a defect says why it does not come to serve. */
export type Readiness = "ready" | "over" | Defect;

/** `signal` ends the waiting at once. */
export async function awaitReady(spec: ReadinessSpec, clock: Clock, signal: AbortSignal): Promise<Readiness> {
  for (let tries = 1; ; tries += 1) {
    const answer = await tryOnce(spec, clock, signal);
    if (signal.aborted) return "over";
    if (answer instanceof Defect) return answer;
    if (answer === true) return "ready";
    if (tries >= spec.triesMax) return new Defect(`not ready after ${spec.triesMax} tries`);
    await within(clock, spec.pauseMs, signal, () => undefined);
  }
}

/** Undefined when there was no answer in time. */
async function tryOnce(
  { probe, tryTimeoutMs }: ReadinessSpec,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean | Defect | undefined> {
  const controller = new AbortController();
  const deadlineMs = clock.nowMs() + tryTimeoutMs;
  const answer = await within<boolean | Defect>(clock, tryTimeoutMs, signal, (settle) => {
    probe({ deadlineMs, signal: controller.signal }).then(settle, (cause: unknown) =>
      settle(new Defect(`the readiness probe threw: ${cause}`)),
    );
  });
  controller.abort();
  return answer;
}

/** What `begin` settles with; undefined when `ms` pass or `signal` is aborted before. */
function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  begin: (settle: (value: T) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const settle = (value: T | undefined): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      resolve(value);
    };
    const onAbort = (): void => settle(undefined);
    const timer = clock.after(ms, onAbort);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) settle(undefined);
    else begin(settle);
  });
}
