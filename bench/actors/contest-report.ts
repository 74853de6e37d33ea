/** What a contest comes to: the row of the table, and its figures. */
import type { Showing } from "#bench/actors/contest.ts";
import { type Cell, rowLines } from "#bench/actors/table.ts";
import { judge, targeted, type Verdict } from "#bench/actors/target.ts";
import { ARMS, type Work } from "#bench/actors/works.ts";
import { beside, type Measurement, median } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";

/** The row, and its figures: Cepa's own, then Cepa beside each peer. */
export function reportOf(work: Work, showings: ReadonlyMap<string, Showing>): Report {
  const figureOf = (arm: string): number | undefined => {
    const showing = showings.get(arm);
    return showing === undefined || typeof showing === "string" ? undefined : median(showing);
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
  const figures = [
    { ...own, samples: samplesOf(showings.get("Cepa")), ...targeted(verdictOn(undefined)) },
    ...peers.map((peer): Measurement => {
      const peerSamples = samplesOf(showings.get(peer));
      return {
        ...beside(own, peer, figureOf(peer)),
        ...(peerSamples.length === 0 ? {} : { peer_samples: peerSamples }),
        ...targeted(verdictOn(peer)),
      };
    }),
  ];
  const cells = ARMS.map((arm): Cell => (showings.has(arm) ? (figureOf(arm) ?? "absent") : undefined));
  const verdicts = judged.flatMap(({ verdict }) => (verdict === undefined ? [] : [verdict]));
  return { lines: rowLines(work.label, work.unit, cells, verdicts), figures };
}

function samplesOf(showing: Showing | undefined): readonly number[] {
  return showing === undefined || typeof showing === "string" ? [] : showing;
}
