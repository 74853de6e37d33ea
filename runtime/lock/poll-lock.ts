/** Waiting for a lock: both implementations can only ask whether it is free, so they ask again. */
import type { Clock } from "#runtime/clock.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { type Held, LOCK_POLL_MS, type LockBroken, type LockTaken } from "#runtime/lock/lock.ts";

/** Asks `attempt` until it answers with something else than `undefined` (taken), or `waitMs` have passed. */
export async function pollLock(
  path: string,
  waitMs: number,
  clock: Clock,
  attempt: () => Held | LockBroken | undefined,
): Promise<Result<Held, LockTaken | LockBroken>> {
  const startMs = clock.nowMs();
  for (;;) {
    const answer = attempt();
    if (answer !== undefined) return "release" in answer ? ok(answer) : fail(answer);
    const waitedMs = clock.nowMs() - startMs;
    if (waitedMs >= waitMs) return fail({ code: "lock.taken", path, waitedMs });
    await new Promise<void>((resolve) => {
      clock.after(Math.min(LOCK_POLL_MS, waitMs - waitedMs), resolve);
    });
  }
}
