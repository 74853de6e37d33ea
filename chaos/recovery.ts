/**
 * How long it takes after the last fault has healed until the node says that it is ready, and until a client of each group has
 * had something stored: reads are back before writes are.
 */
import { CLIENT_GROUPS, type ClientGroup } from "#chaos/network/groups.ts";
import { bodyOf } from "#chaos/workload/name-requests.ts";
import { passed, type World, type WorldRequest } from "#chaos/world.ts";

/** What the network does to a run may take so long to be overcome. */
export const RECOVERY_MS_MAX = 10_000;

/** Longest that one attempt may take, and the time between two. */
const ATTEMPT_MS = 2000;
const AGAIN_MS = 100;

/** Milliseconds since all had healed; undefined where it took longer than was waited for. */
export interface Recovery {
  readonly readyMs: number | undefined;
  readonly servedMs: Readonly<Record<ClientGroup, number | undefined>>;
}

/** To be called when all has healed. */
export async function recoveryOf(world: Pick<World, "clock" | "request">, withinMs: number): Promise<Recovery> {
  const beganMs = world.clock.nowMs();
  const untilServed = async (
    from: ClientGroup | undefined,
    request: () => WorldRequest,
  ): Promise<number | undefined> => {
    for (;;) {
      const isServed = await attempt(world, { ...request(), from });
      const tookMs = Math.round(world.clock.nowMs() - beganMs);
      if (tookMs > withinMs) return undefined;
      if (isServed) return tookMs;
      await passed(world, AGAIN_MS);
    }
  };
  const bytes = Buffer.from("is it served?");
  const putting = CLIENT_GROUPS.map(async (group) => {
    const servedMs = await untilServed(group, () => ({ method: "PUT", target: "/put", ...bodyOf(bytes) }));
    return [group, servedMs] as const;
  });
  const [readyMs, ...served] = await Promise.all([untilServed(undefined, () => ({ target: "/readyz" })), ...putting]);
  return { readyMs, servedMs: Object.fromEntries(served) as Recovery["servedMs"] };
}

/** The groups that were not served. */
export function unservedIn({ servedMs }: Recovery): readonly ClientGroup[] {
  return CLIENT_GROUPS.filter((group) => servedMs[group] === undefined);
}

/** Nobody waits long for what was lost before: whoever asks again does so on a connection of its own. */
async function attempt(world: Pick<World, "clock" | "request">, request: WorldRequest): Promise<boolean> {
  const leaving = new AbortController();
  const left = Promise.withResolvers<undefined>();
  const timer = world.clock.after(ATTEMPT_MS, () => {
    left.resolve(undefined);
    leaving.abort();
  });
  const answer = await Promise.race([world.request({ ...request, signal: leaving.signal }), left.promise]);
  timer.cancel();
  return answer?.complete === true && answer.status < 300;
}
