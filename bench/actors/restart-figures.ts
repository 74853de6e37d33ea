/** How long a restart is felt, beside that of an OTP supervisor. */
import { AskedChild, type Command, numbersOf } from "#bench/actors/asked-child.ts";
import { checked } from "#bench/actors/contest.ts";
import type { Erlang } from "#bench/actors/erlang.ts";
import { nodeCommand } from "#bench/actors/node-command.ts";
import { rowLines } from "#bench/actors/table.ts";
import { judge, type Target, targeted } from "#bench/actors/target.ts";
import type { Effort } from "#bench/actors/works.ts";
import { beside, type Measurement, percentile } from "#bench/measurement.ts";
import type { Report } from "#bench/report.ts";

/** Of the 99th percentile, ms. */
const TARGET: Target = { most: 1 };

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
    const verdict = percent === 99 ? judge(TARGET, value, "ms") : undefined;
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
