/**
 * `cepa chaos [list|run|grid|hunt|replay|shrink|seeds|plants|report]`: breaks a node on purpose, and says what held.
 *
 * Standard output has the verdict, with `--json` as one line; what happens meanwhile goes to standard error.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { titleOf } from "#chaos/fault.ts";
import { GRID, type GridRow, gridPlan, gridRow, gridTable, gridVerdict } from "#chaos/grid.ts";
import { HELP } from "#chaos/help.ts";
import { HUNT_RUNS, HUNT_RUNS_MAX } from "#chaos/hunt.ts";
import type { ExecutorName, Outcome } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { PLANTED_BUGS, type PlantedBug, plantedBug } from "#chaos/plants.ts";
import { readPlan } from "#chaos/read-plan.ts";
import { hunt } from "#chaos/real/hunt.ts";
import { lookFor } from "#chaos/real/look-for.ts";
import { isPatched, runAgainPatched } from "#chaos/real/patched.ts";
import { RunRecords } from "#chaos/real/records.ts";
import { pageOf } from "#chaos/report/page.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS, scenarioNamed } from "#chaos/scenarios.ts";
import { lineOf, readSeeds } from "#chaos/seeds.ts";
import { shrink } from "#chaos/shrink.ts";
import { minute, second } from "#runtime/units.ts";

const EXECUTORS: readonly ExecutorName[] = ["sim", "process", "os"];

const EXIT_CODES = { pass: 0, fail: 1, "not-run": 3 } as const;

/** Where runs are kept: beside what is compiled, unless it is said. */
const recordsFolder = process.env["CEPA_CHAOS_RECORDS"] ?? join(import.meta.dirname, "..", ".cache", "chaos");
const records = new RunRecords(recordsFolder);
const { values, positionals } = readArguments();
const [command, subject] = positionals;
switch (command) {
  case "list":
    list();
    break;
  case "run":
    await runMany();
    break;
  case "grid":
    await runGrid();
    break;
  case "hunt":
    await huntSeeds();
    break;
  case "replay":
    await replay();
    break;
  case "shrink":
    await shrinkRun();
    break;
  case "report":
    report();
    break;
  case "seeds":
    await replaySeeds();
    break;
  case "plants":
    await plantAll();
    break;
  default:
    refuse(command === undefined ? "say what to do" : `there is no command ${command}`);
}

function list(): void {
  if (values.json) {
    for (const { name, aim, executors } of SCENARIOS) say({ scenario: name, aim, executors });
    for (const { name, says, scenario, seenBy } of PLANTED_BUGS) say({ plant: name, says, scenario, seenBy });
    return;
  }
  const width = Math.max(...[...SCENARIOS, ...PLANTED_BUGS].map(({ name }) => name.length)) + 2;
  for (const { name, aim, executors } of SCENARIOS) {
    process.stdout.write(`${name.padEnd(width)}${aim} (${executors.join(", ")})\n`);
  }
  process.stdout.write("\nBugs that can be planted:\n");
  for (const { name, says } of PLANTED_BUGS) process.stdout.write(`${name.padEnd(width)}${says}\n`);
}

async function runMany(): Promise<void> {
  const plant = chosenPlant();
  const executor = chosenExecutor();
  if (plant !== undefined) plantInto(plant);
  const endMs = performance.now() + (values.minutes === undefined ? 0 : minutesOf(values.minutes) * minute);
  let seed = chosenSeed();
  let last: Outcome;
  let runs = 0;
  const effects = new Map<string, number>();
  do {
    last = await runOnce(chosenPlan(seed), executor, plant);
    runs += 1;
    for (const [kind, tally] of Object.entries(last.faults))
      effects.set(kind, (effects.get(kind) ?? 0) + tally.effects);
    seed += 1;
  } while (last.verdict === "pass" && performance.now() < endMs);
  if (runs > 1) note(`${runs} runs by ${executor}, ${[...effects].map((of) => of.join(" ")).join(", ")}`);
  conclude(last);
}

/** Each cell under a seed of its own, so that it can be told by it. */
async function runGrid(): Promise<void> {
  const executor = chosenExecutor();
  const plant = chosenPlant();
  if (subject !== undefined) refuse(`the grid is one, and takes no ${subject}`);
  const first = chosenSeed();
  const rows: GridRow[] = [];
  for (const [at, cell] of GRID.entries()) {
    const row = gridRow(cell, await runOnce(gridPlan(cell, (first + at) % 2 ** 32), executor, plant));
    rows.push(row);
    if (values.json) say(row);
  }
  const verdict = gridVerdict(rows);
  const recoveryMsMax = Math.max(...rows.map(({ recoveryMs = Number.POSITIVE_INFINITY }) => recoveryMs));
  const held = rows.filter((row) => row.verdict === "pass").length;
  const safe = rows.filter(({ isSafe }) => isSafe).length;
  process.exitCode = EXIT_CODES[verdict];
  if (values.json) {
    say({ grid: "network", executor, seed: first, verdict, cells: rows.length, held, safe, recoveryMsMax });
    return;
  }
  for (const line of gridTable(rows)) process.stdout.write(`${line}\n`);
  for (const { seed, broken, reason } of rows) {
    const said = [...(reason === undefined ? [] : [reason]), ...Object.entries(broken).map((one) => one.join(": "))];
    if (said.length > 0) process.stdout.write(`seed ${seed}: ${said.join("; ")}\n`);
  }
  process.stdout.write(`${verdict}: ${held} of ${rows.length} cells hold, ${safe} are safe\n`);
}

async function huntSeeds(): Promise<void> {
  if (subject !== undefined) refuse(`a hunt is of every scenario, and takes no ${subject}`);
  const plant = chosenPlant();
  if (plant !== undefined && !("into" in plant))
    refuse(`${plant.name} is another text of the source: cepa chaos plants`);
  const forMs = values.minutes === undefined ? 0 : minutesOf(values.minutes) * minute;
  const runs = values.runs === undefined ? (forMs > 0 ? 1 : HUNT_RUNS) : countOf(values.runs);
  const told = await hunt({ first: chosenSeed(), runs, forMs, plant: plant?.name }, { records, note });
  process.exitCode = EXIT_CODES[told.verdict];
  if (values.json) {
    say({ hunt: "sim", ...told });
    return;
  }
  const { verdict, runs: ran, failed, invalid, events, simulatedMinutes, threads, seconds } = told;
  for (const { scenario, seed, broken } of failed) {
    process.stdout.write(`FAIL  ${scenario}, seed ${seed}: ${broken}. Again: cepa chaos replay ${seed}\n`);
  }
  process.stdout.write(
    `${verdict}: ${ran} runs from seed ${told.first} on, ${failed.length} failed, ${invalid} invalid; ${events} events in ${simulatedMinutes} simulated minutes, ${seconds} s of ${threads} threads\n`,
  );
}

async function replay(): Promise<void> {
  const { plan, outcome, plant } = chosenRecord();
  const again = await runOnce(plan, outcome.executor, bugOf(plant));
  if (outcome.executor === "sim") note(again.digest === outcome.digest ? "the same again" : "NOT the same again");
  if (outcome.executor === "sim" && again.digest !== outcome.digest) process.exitCode = 1;
  conclude(again);
}

async function shrinkRun(): Promise<void> {
  const { plan, outcome, plant } = chosenRecord();
  const { executor, scenario, seed } = outcome;
  if (outcome.verdict !== "fail") refuse(`the run ${scenario} ${seed} did not fail (${outcome.verdict})`);
  const bug = bugOf(plant);
  const { faults, runs } = await shrink(plan.faults, async (some) => {
    const { verdict } = await runPlan({ plan: { ...plan, faults: some }, executor, plant: bug });
    note(`${some.length} of ${plan.faults.length} faults: ${verdict}`);
    return verdict === "fail";
  });
  const path = `${scenario}-${seed}.plan.json`;
  writeFileSync(path, `${JSON.stringify({ ...plan, faults }, undefined, 2)}\n`);
  if (values.json) {
    say({ scenario, seed, faults, runs, path });
    return;
  }
  process.stdout.write(`${faults.length} of ${plan.faults.length} faults are enough, after ${runs} runs: ${path}\n`);
  for (const fault of faults) process.stdout.write(`  ${fault.atMs} ms  ${titleOf(fault)}\n`);
}

/** Each of them, whatever became of the others. */
async function replaySeeds(): Promise<void> {
  const seeds = readSeeds(readFileSync(join(import.meta.dirname, "seeds.txt"), "utf8"));
  if (!seeds.ok) refuse(`chaos/seeds.txt: ${seeds.failure.problem}`);
  for (const { plan } of seeds.value) conclude(await runOnce(plan, "sim", undefined));
  note(`${seeds.value.length} seeds`);
}

async function plantAll(): Promise<void> {
  let caught = 0;
  for (const bug of PLANTED_BUGS) {
    const seen = await lookFor(bug);
    if (seen !== undefined) caught += 1;
    if (values.json) say({ plant: bug.name, seenBy: bug.seenBy, ...seen });
    else process.stdout.write(`${bug.name}: ${seen === undefined ? "NOT seen" : `${bug.seenBy}, seed ${seen.seed}`}\n`);
  }
  const rate = { planted: PLANTED_BUGS.length, caught };
  if (values.json) say(rate);
  else process.stdout.write(`${caught} of ${rate.planted} are seen by the check that is there for them\n`);
  if (caught < rate.planted) process.exitCode = 1;
}

function report(): void {
  const record = chosenRecord();
  process.stdout.write(`${records.keepPage(record, pageOf(record.plan, record.outcome, record.plant))}\n`);
}

async function runOnce(plan: Plan, executor: ExecutorName, plant: PlantedBug | undefined): Promise<Outcome> {
  const soFar = { served: 0, refused: 0, unanswered: 0 };
  const startedMs = performance.now();
  let shownMs = startedMs;
  const outcome = await runPlan({
    plan,
    executor,
    plant,
    onSample: ({ atMs, served, refused, unanswered, restarts, faults }) => {
      soFar.served += served;
      soFar.refused += refused;
      soFar.unanswered += unanswered;
      const nowMs = performance.now();
      if (!process.stderr.isTTY || nowMs - shownMs < second / 4) return;
      shownMs = nowMs;
      const share = Math.min(100, Math.round((100 * atMs) / plan.durationMs));
      process.stderr.write(
        `\r\u001b[K${plan.scenario} ${plan.seed}: ${share} %, ${soFar.served} served, ${soFar.refused} refused, ${soFar.unanswered} unanswered, ${restarts} restarts, ${faults} faults under way`,
      );
    },
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  records.keep({ plan, outcome, plant: plant?.name });
  const took = ((performance.now() - startedMs) / second).toFixed(1);
  if (outcome.verdict === "fail" && executor === "sim" && plant === undefined && scenarioNamed(plan.scenario)) {
    note(`for chaos/seeds.txt: ${lineOf(plan, firstBroken(outcome))}`);
  }
  note(
    `${plan.scenario} ${plan.seed} (${executor}): ${outcome.verdict}, ${plan.faults.length} faults, ${outcome.events} events, ${took} s`,
  );
  return outcome;
}

function firstBroken({ checks }: Outcome): string {
  const [name] = Object.entries(checks).find(([, said]) => said !== "pass") ?? ["nothing"];
  return name;
}

/** The verdict, and the exit code that says it. */
function conclude(outcome: Outcome): void {
  const { scenario, executor, seed, verdict, reason, faults, events, digest, checks } = outcome;
  process.exitCode ||= EXIT_CODES[verdict];
  if (values.json) {
    say({ scenario, executor, seed, verdict, reason, faults, events, digest, checks });
    return;
  }
  process.stdout.write(
    `${scenario}, seed ${seed}, by ${executor}: ${verdict}${reason === undefined ? "" : ` (${reason})`}\n`,
  );
  for (const [name, said] of Object.entries(checks))
    process.stdout.write(`  ${said === "pass" ? `pass  ${name}` : `FAIL  ${name}: ${said}`}\n`);
  if (verdict === "fail")
    process.stdout.write(
      `Again: cepa chaos replay ${seed}. Smaller: cepa chaos shrink ${seed}. To look at: cepa chaos report ${seed}\n`,
    );
}

function chosenPlan(seed: number): Plan {
  if (subject === undefined) refuse("run what? cepa chaos list has the scenarios");
  const scenario = scenarioNamed(subject);
  if (scenario !== undefined) return planOf(scenario, { seed });
  if (!subject.endsWith(".json")) refuse(`there is no scenario ${subject}: cepa chaos list has them`);
  let text: string;
  try {
    text = readFileSync(subject, "utf8");
  } catch (error) {
    return refuse(`${subject} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const plan = readPlan(text);
  if (!plan.ok) return refuse(`${subject}: ${plan.failure.problem}`);
  return values.seed === undefined ? plan.value : { ...plan.value, seed };
}

function chosenRecord() {
  const seed = subject === undefined ? undefined : seedOf(subject);
  return records.newest(seed) ?? refuse(seed === undefined ? "nothing was run yet" : `there is no run of seed ${seed}`);
}

/** That of a run which is run again. */
function bugOf(name: string | undefined): PlantedBug | undefined {
  if (name === undefined) return undefined;
  const bug = plantedBug(name) ?? refuse(`there is no bug ${name} any more`);
  plantInto(bug);
  return bug;
}

/** Where its code is another, this is done by a process of its own, and does not come back. */
function plantInto(bug: PlantedBug): void {
  if ("patch" in bug && !isPatched(bug.patch)) process.exit(runAgainPatched(bug.patch));
}

function chosenExecutor(): ExecutorName {
  const name = values.executor;
  return EXECUTORS.find((executor) => executor === name) ?? refuse(`--executor ${name}: ${EXECUTORS.join(", ")}`);
}

function chosenPlant(): PlantedBug | undefined {
  if (values.plant === undefined) return undefined;
  return plantedBug(values.plant) ?? refuse(`there is no bug ${values.plant}: cepa chaos list has them`);
}

function chosenSeed(): number {
  return values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : seedOf(values.seed);
}

function seedOf(text: string): number {
  const seed = Number(text);
  return /^\d+$/.test(text) && seed < 2 ** 32 ? seed : refuse(`${text} is no seed: a whole number below 2^32`);
}

function countOf(text: string): number {
  const count = Number(text);
  return count >= 1 && count <= HUNT_RUNS_MAX && Number.isInteger(count)
    ? count
    : refuse(`--runs ${text} is no whole number from 1 to ${HUNT_RUNS_MAX}`);
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  return minutes > 0 && Number.isFinite(minutes) ? minutes : refuse(`--minutes ${text} is no number of minutes`);
}

function readArguments() {
  try {
    const { values: given, positionals: words } = parseArgs({
      options: {
        seed: { type: "string" },
        executor: { type: "string", default: "sim" },
        minutes: { type: "string" },
        runs: { type: "string" },
        plant: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (given.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    if (words.length > 2) return refuse(`one thing at a time, not ${words.slice(1).join(" and ")}`);
    return { values: given, positionals: words };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function note(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa chaos --help\n`);
  process.exit(2);
}
