/** What a contest comes to: the row of the table, and its figures. */
import type { Scored, Showing } from "#bench/actors/contest.ts";
import { type Cell, rowLines } from "#bench/actors/table.ts";
import { judge, targeted, type Verdict } from "#bench/actors/target.ts";
import { ARMS, type Work } from "#bench/actors/works.ts";
import { beside, type Measurement, median } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";

/** The row, and its figures: Cepa's own, then Cepa beside each peer. */
export function reportOf(work: Work, showings: ReadonlyMap<string, Showing>): Report {
  const figureOf = (arm: string): number | undefined => {
    const { samples } = scored(showings.get(arm));
    return samples.length === 0 ? undefined : median(samples);
  };
  const value = figureOf("Cepa");
  if (value === undefined) throw new Error(`Cepa did not show up at ${work.name}`);
  const own: Measurement = { name: `actors.${work.name}`, value, unit: work.unit };
  const judged = work.targets.map((target) => {
    const peer = target.times;
    return { peer, verdict: judge(target, value, work.unit, peer === undefined ? undefined : figureOf(peer)) };
  });
  const verdictOn = (peer: string | undefined): Verdict | undefined =>
    judged.find((each) => each.peer === peer)?.verdict;

  const peers = work.arms.filter((arm) => arm !== "Cepa");
  const ours = scored(showings.get("Cepa"));
  const figures = [
    { ...own, samples: ours.samples, waited: median(ours.waits), ...targeted(verdictOn(undefined)) },
    ...peers.map((peer): Measurement => {
      const { samples, waits } = scored(showings.get(peer));
      return {
        ...beside(own, peer, figureOf(peer)),
        ...(samples.length === 0 ? {} : { peer_samples: samples, peer_waited: median(waits) }),
        ...targeted(verdictOn(peer)),
      };
    }),
  ];
  const cells = ARMS.map((arm): Cell => (showings.has(arm) ? (figureOf(arm) ?? "absent") : undefined));
  const verdicts = judged.flatMap(({ verdict }) => (verdict === undefined ? [] : [verdict]));
  return { lines: rowLines(work.label, work.unit, cells, verdicts), figures };
}

function scored(showing: Showing | undefined): Scored {
  return showing === undefined || typeof showing === "string" ? { samples: [], waits: [] } : showing;
}
