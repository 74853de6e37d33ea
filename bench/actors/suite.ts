/**
 * `cepa bench actors`: what a message costs, beside what it costs others.
 *
 * Every row is a contest of its own; what only Cepa does follows. Figures come as they are measured.
 */
import type { Command } from "#bench/actors/asked-child.ts";
import { type Contender, hold, type Score, type SeenRound } from "#bench/actors/contest.ts";
import { reportOf } from "#bench/actors/contest-report.ts";
import { type Erlang, prepareErlang } from "#bench/actors/erlang.ts";
import { nodeCommand } from "#bench/actors/node-command.ts";
import { benchOverload } from "#bench/actors/overload-figures.ts";
import { benchRestart } from "#bench/actors/restart-figures.ts";
import { headLine } from "#bench/actors/table.ts";
import { benchTracing } from "#bench/actors/tracing-figures.ts";
import { ARM_FILES, type ArmName, type Effort, FULL, MEMORIES, QUICK, RATES, type Work } from "#bench/actors/works.ts";
import type { Measurement } from "#bench/measurement.ts";
import { installPeers } from "#bench/peer-package.ts";
import type { Report } from "#bench/report.ts";
import { say } from "#bench/say.ts";

/** A round that got less of a core than the rest of this says nothing any more. */
const WAIT_MAX = 0.95;

export async function* benchActors({ quick }: { readonly quick: boolean }): AsyncGenerator<Report> {
  const effort = quick ? QUICK : FULL;
  installPeers(say);
  const erlang = prepareErlang(say);
  if (typeof erlang === "string") say(`Erlang will be absent: ${erlang}`);

  yield { lines: [headLine()], figures: [] };
  const figures: Measurement[] = [];
  for (const work of RATES) {
    const report = await contest(work, effort, erlang);
    figures.push(...report.figures);
    yield report;
  }
  yield { lines: [waitLine(figures)], figures: [] };
  for (const work of MEMORIES) yield await contest(weighed(work, effort), effort, erlang);
  yield await benchRestart(effort, erlang);
  yield await benchTracing(effort);
  yield* benchOverload(effort);
}

async function contest(work: Work, effort: Effort, erlang: Erlang | string): Promise<Report> {
  const isRate = work.unit === "/s";
  const contenders = await Promise.all(work.arms.map((name) => contender(name, work, effort, erlang)));
  const showings = await hold(contenders, {
    work: work.name,
    rounds: isRate ? effort.rounds : effort.populationRounds,
    warmups: isRate ? effort.warmups : 0,
    fresh: !isRate,
    score: isRate ? perSecond : perActor,
  });
  return reportOf(work, showings);
}

/** With the share of the population that there is time for. */
function weighed(work: Work, { populationShare }: Effort): Work {
  return { ...work, batch: work.batch * populationShare };
}

async function contender(name: ArmName, work: Work, effort: Effort, erlang: Erlang | string): Promise<Contender> {
  if (name !== "Erlang") return { name, command: armCommand(ARM_FILES[name], work, effort) };
  const command = typeof erlang === "string" ? erlang : await erlang.command(work.name, work.batch, effort.roundMs);
  return { name, command };
}

function armCommand(file: string, { name, batch, unit }: Work, { roundMs }: Effort): Command {
  const { file: node, args } = nodeCommand("arm-main.ts", file, name, batch, roundMs);
  return { file: node, args: unit === "B" ? ["--expose-gc", ...args] : args };
}

function perSecond({ handled, took, waitedMs }: SeenRound): Score {
  // What was read a moment before and after the round can be a little more than the round.
  const wait = Math.min(waitedMs / took, WAIT_MAX);
  return { sample: (handled * 1000) / (took * (1 - wait)), wait };
}

function perActor({ handled, took }: SeenRound): Score {
  return { sample: took / handled, wait: undefined };
}

/** What the figures above leave out. */
function waitLine(figures: readonly Measurement[]): string {
  const waits = figures.flatMap(({ waited, peer_waited }) => waited ?? peer_waited ?? []);
  const [least, most] = [Math.min(...waits), Math.max(...waits)].map((wait) => (wait * 100).toFixed(0));
  return `    (not counted: the ${least} to ${most} % of its time that an arm waited for a core)`;
}
