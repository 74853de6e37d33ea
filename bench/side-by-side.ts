/** One figure of Cepa's, then the same beside each peer, with what should be reached. */
import { judge, type Target, targeted } from "#bench/actors/target.ts";
import { beside, type Measurement, median } from "#bench/measurement.ts";
import type { Samples } from "#bench/turns.ts";

export interface Compared {
  readonly name: string;
  readonly unit: string;
  /** Cepa's. */
  readonly samples: readonly number[];
  /** Of every peer, in this order; undefined where it is absent. */
  readonly peers: Samples;
  readonly targets?: readonly Target[];
}

export function sideBySide({ name, unit, samples, peers, targets = [] }: Compared): readonly Measurement[] {
  const value = median(samples);
  const own: Measurement = { name, value, unit };
  const alone = targets.find((target) => target.times === undefined);
  const verdict = alone === undefined ? undefined : judge(alone, value, unit);
  return [
    { ...own, samples, ...targeted(verdict) },
    ...Object.entries(peers).map(([peer, theirs]): Measurement => {
      const figure = theirs === undefined ? undefined : median(theirs);
      const against = targets.find((target) => target.times === peer);
      return {
        ...beside(own, peer, figure),
        ...(theirs === undefined ? {} : { peer_samples: theirs }),
        ...targeted(against === undefined ? undefined : judge(against, value, unit, figure)),
      };
    }),
  ];
}
