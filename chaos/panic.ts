/**
 * A failpoint of an actor that is kept armed for a while, whatever ends the process that it is armed in: what is armed is
 * forgotten with that, so it is armed again in the next one, for as many passes as are left.
 *
 * What it did is counted by what the node says of it: crashes of the actor that were injected.
 */
import type { FaultOf } from "#chaos/fault.ts";
import { type Injection, passed, type World } from "#chaos/world.ts";

/** Between two looks at which process the actor is in. */
const LOOK_MS = 250;

export interface PanicSeams extends Pick<World, "clock" | "status"> {
  /** Arms it for so many passes, 0 disarms it. False where nobody answers, or it is refused. */
  arm(actor: string, failpoint: string, times: number): Promise<boolean>;
  /** Lives of the actor that the node said ended at a failpoint, since the world began. */
  injectedCrashes(actor: string): number;
}

export async function injectPanic(
  { clock, status, arm, injectedCrashes }: PanicSeams,
  { actor, failpoint, count }: FaultOf<"panic">,
): Promise<Injection> {
  const before = injectedCrashes(actor);
  const met = (): number => injectedCrashes(actor) - before;
  let isOver = false;
  /** The process in which it is armed. */
  let armedIn: string | undefined;
  const look = async (): Promise<void> => {
    const place = placeOf(actor, await status());
    if (place === undefined || place === armedIn || met() >= count) return;
    if (await arm(actor, failpoint, count - met())) armedIn = place;
  };
  const keep = async (): Promise<void> => {
    while (!isOver) {
      await passed({ clock }, LOOK_MS);
      if (!isOver) await look();
    }
  };
  await look();
  const keeping = keep();
  return {
    heal: async () => {
      isOver = true;
      await keeping;
      // Where all has been met, what is armed there now is another fault's.
      if (met() < count) await arm(actor, failpoint, 0);
    },
    effects: met,
  };
}

/** Another one after each end of the process. Undefined while it is not up. */
function placeOf(actor: string, status: Awaited<ReturnType<World["status"]>>): string | undefined {
  const cell = status?.actors.find(({ name }) => name === actor)?.cell;
  const found = status?.cells.find(({ name }) => name === cell);
  return found?.state === "running" ? `${found.pid} ${found.restarts}` : undefined;
}
