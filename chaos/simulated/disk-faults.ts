/** What a simulated disk does wrong: operations that fail, writes that are cut short, bits that flip where they lie. */
import { anyDecay, type Decay } from "#chaos/disk/decay.ts";
import type { FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import type { Injection } from "#chaos/world.ts";
import type { Random } from "#runtime/random.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

/** Where the store has its packs. */
const PACKS = "/data/packs";

export function breakDisk(disk: MemoryDisk, { operation, errno, count }: FaultOf<"disk-error">): Injection {
  let met = 0;
  const onMet = (): void => {
    met += 1;
  };
  for (let armed = 0; armed < count; armed += 1) disk.failNext(operation, errno, onMet);
  return lasting(
    () => disk.forgetFaults(operation),
    () => met,
  );
}

export function cutWrites(disk: MemoryDisk, random: Random, { errno, count }: FaultOf<"short-write">): Injection {
  let met = 0;
  const onMet = (): void => {
    met += 1;
  };
  const keeps = (sizeBytes: number): number => 1 + random.below(sizeBytes - 1);
  for (let armed = 0; armed < count; armed += 1) disk.cutNext(errno, keeps, onMet);
  return lasting(
    () => disk.forgetCuts(),
    () => met,
  );
}

export function flipBits(disk: MemoryDisk, random: Random, { count }: FaultOf<"bit-flip">): Injection {
  const decays: Decay[] = [];
  for (let flipped = 0; flipped < count; flipped += 1) {
    const decay = anyDecay(disk.filesIn(PACKS), random);
    if (decay === undefined) break;
    disk.flipByte(decay.path, decay.position, decay.mask);
    decays.push(decay);
  }
  return { ...happened(decays.length), decays };
}
