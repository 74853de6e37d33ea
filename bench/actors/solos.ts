/** What is measured by itself: restarts, beside an OTP supervisor's, and what an unsampled trace costs. */
import { AskedChild, type Command } from "#bench/actors/asked-child.ts";
import { checked } from "#bench/actors/contest.ts";
import type { Erlang } from "#bench/actors/erlang.ts";
import { nodeCommand } from "#bench/actors/node-command.ts";
import { rowLines } from "#bench/actors/table.ts";
import { judge, type Target, targeted } from "#bench/actors/target.ts";
import type { Effort } from "#bench/actors/works.ts";
import { beside, type Measurement, median, percentile } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";

const RESTART_TARGET: Target = { most: 1 };
const TRACING_TARGET: Target = { most: 5 };

export async function benchRestart({ restarts }: Effort, erlang: Erlang | string): Promise<Report> {
  const ours = await restartSamples("Cepa (restart)", nodeCommand("restart.ts", restarts));
  const theirs =
    typeof erlang === "string"
      ? undefined
      : await restartSamples("Erlang (restart)", await erlang.command("restart", restarts, 0));

  const lines: string[] = [];
  const figures: Measurement[] = [];
  for (const percent of [50, 99]) {
    const value = percentile(ours, percent);
    const peer = theirs === undefined ? undefined : percentile(theirs, percent);
    const verdict = percent === 99 ? judge(RESTART_TARGET, value, "ms") : undefined;
    const own: Measurement = { name: `actors.restart-p${percent}`, value, unit: "ms" };
    figures.push({ ...beside(own, "OTP supervisor", peer), ...targeted(verdict) });
    const label = `restart to the first answer, p${percent}`;
    lines.push(...rowLines(label, "ms", [value, peer ?? "absent"], verdict === undefined ? [] : [verdict]));
  }
  return { lines, figures };
}

/** Of a second round: the first one warms up. */
async function restartSamples(name: string, command: Command): Promise<readonly number[]> {
  await using child = new AskedChild(name, command);
  await child.heard();
  await child.ask("round");
  const said = await child.ask("round");
  checked(name, { ...said, took: 0 });
  return numbersOf(said["samples"], name);
}

export async function benchTracing({ tracingRounds, tracingCalls }: Effort): Promise<Report> {
  await using child = new AskedChild("Cepa (tracing)", nodeCommand("tracing.ts", tracingCalls));
  await child.heard();
  const rounds: Readonly<Record<string, unknown>>[] = [];
  for (let round = -2; round < tracingRounds; round += 1) {
    const said = await child.ask("round");
    checked("Cepa (tracing)", { ...said, took: 0 });
    if (round >= 0) rounds.push(said);
  }
  const samples = (key: string): readonly number[] =>
    numbersOf(
      rounds.map((said) => said[key]),
      key,
    );
  const [alone, untraced, unsampled] = [samples("aloneNs"), samples("untracedNs"), samples("unsampledNs")];
  const tracing = differences(unsampled, untraced);
  const context = differences(untraced, alone);
  const verdict = judge(TRACING_TARGET, median(tracing), "ns");
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

function numbersOf(values: unknown, what: string): readonly number[] {
  if (Array.isArray(values) && values.every((value) => typeof value === "number")) return values;
  throw new Error(`${what} are no numbers`);
}
