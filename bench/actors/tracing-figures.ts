/** What an unsampled trace costs a call, and what a caller's context does. */
import { AskedChild, numbersOf } from "#bench/actors/asked-child.ts";
import { checked } from "#bench/actors/contest.ts";
import { nodeCommand } from "#bench/actors/node-command.ts";
import { rowLines } from "#bench/actors/table.ts";
import { judge, type Target, targeted } from "#bench/actors/target.ts";
import type { Effort } from "#bench/actors/works.ts";
import { median } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";

/** Of an unsampled trace, ns. */
const TARGET: Target = { most: 5 };
/** Rounds that do not count. */
const WARMUPS = 2;

export async function benchTracing({ tracingRounds, tracingCalls }: Effort): Promise<Report> {
  await using child = new AskedChild("Cepa (tracing)", nodeCommand("tracing.ts", tracingCalls));
  await child.heard();
  const rounds: Readonly<Record<string, unknown>>[] = [];
  for (let round = -WARMUPS; round < tracingRounds; round += 1) {
    const said = await child.ask("round");
    checked("Cepa (tracing)", { ...said, took: 0 });
    if (round >= 0) rounds.push(said);
  }
  const samples = (key: string): readonly number[] =>
    numbersOf(
      rounds.map((said) => said[key]),
      key,
    );
  const tracing = differences(samples("unsampledNs"), samples("untracedNs"));
  const context = differences(samples("untracedNs"), samples("aloneNs"));
  const verdict = judge(TARGET, median(tracing), "ns");
  return {
    lines: [
      ...rowLines("unsampled trace, a call", "ns", [median(tracing)], verdict === undefined ? [] : [verdict]),
      ...rowLines("caller's context, a call", "ns", [median(context)], []),
    ],
    figures: [
      {
        name: "actors.tracing-unsampled",
        value: median(tracing),
        unit: "ns",
        samples: tracing,
        ...targeted(verdict),
      },
      { name: "actors.within", value: median(context), unit: "ns", samples: context },
    ],
  };
}

/** Round by round: what slows the machine down slows both down. */
function differences(these: readonly number[], those: readonly number[]): readonly number[] {
  return these.map((value, index) => value - (those[index] ?? Number.NaN));
}
