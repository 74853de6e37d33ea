/** Waits until a server serves, by asking it again and again: so many tries, each with a time of its own. */
import type { Clock } from "#runtime/clock.ts";
import { Defect } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

/** `starting`: it says that it will serve, and is at work for that, however long it takes. */
export type ProbeAnswer = boolean | "starting";

export interface ReadinessSpec {
  /** Asks the server whether it serves. A probe that throws is a defect, and ends the start. */
  readonly probe: (within: Within) => Promise<ProbeAnswer>;
  /** Longest time for one try, ms; past it the answer is no, whatever the probe does. */
  readonly tryTimeoutMs: number;
  /** Pause between two tries, ms. */
  readonly pauseMs: number;
  /** Tries to which nothing was said, or no; after the last one the server is given up. */
  readonly triesMax: number;
}

/** `over` where nobody wants to know any more; a defect says why it does not come to serve. */
export type Readiness = "ready" | "over" | Defect;

/** `signal` ends the waiting at once. */
export async function awaitReady(spec: ReadinessSpec, clock: Clock, signal: AbortSignal): Promise<Readiness> {
  for (let tries = 0; ; ) {
    const answer = await tryOnce(spec, clock, signal);
    if (signal.aborted) return "over";
    if (answer instanceof Defect) return answer;
    if (answer === true) return "ready";
    // Whoever reads a long log back would never be done with it, were it killed for that.
    tries = answer === "starting" ? 0 : tries + 1;
    if (tries >= spec.triesMax) return new Defect(`not ready after ${spec.triesMax} tries`);
    await within(clock, spec.pauseMs, signal, () => undefined);
  }
}

/** Undefined when there was no answer in time. */
async function tryOnce(
  { probe, tryTimeoutMs }: ReadinessSpec,
  clock: Clock,
  signal: AbortSignal,
): Promise<ProbeAnswer | Defect | undefined> {
  const controller = new AbortController();
  const deadlineMs = clock.nowMs() + tryTimeoutMs;
  const answer = await within<ProbeAnswer | Defect>(clock, tryTimeoutMs, signal, (settle) => {
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
