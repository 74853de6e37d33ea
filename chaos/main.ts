/**
 * `cepa chaos [list|run|grid|hunt|replay|shrink|seeds|plants|report]`: breaks a node on purpose, and says what held.
 *
 * Standard output has the verdict, with `--json` as one line; what happens meanwhile goes to standard error.
 */
import "#cli/output.ts";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { titleOf } from "#chaos/fault.ts";
import { GRID, type GridRow, gridPlan, gridRow, gridTable, gridVerdict } from "#chaos/grid.ts";
import { HUNT_RUNS } from "#chaos/hunt.ts";
import { brokenOf, EXECUTORS, type ExecutorName, type Outcome } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { PLANTED_BUGS, type PlantedBug, plantedBug } from "#chaos/plants.ts";
import { readPlan } from "#chaos/read-plan.ts";
import { countOf, minutesOf, note, readArguments, refuse, say, seedOf } from "#chaos/real/arguments.ts";
import { hunt } from "#chaos/real/hunt.ts";
import { lookFor } from "#chaos/real/look-for.ts";
import { isPatched, runAgainPatched } from "#chaos/real/patched.ts";
import { type RunRecord, RunRecords } from "#chaos/real/records.ts";
import { pageOf } from "#chaos/report/page.ts";
import { runPlan } from "#chaos/runner.ts";
import { planOf } from "#chaos/scenario.ts";
import { SCENARIOS, scenarioNamed } from "#chaos/scenarios.ts";
import { lineOf, readSeeds } from "#chaos/seeds.ts";
import { shrink } from "#chaos/shrink.ts";
import { didYouMean } from "#cli/did-you-mean.ts";
import { minute, second } from "#runtime/units.ts";
import { catalogue } from "#supervisor/catalogue.ts";

/** Where nobody looks at a terminal. */
const SAY_EVERY_MS: number = 10 * second;

const EXIT_CODES = { pass: 0, fail: 1, "not-run": 3 } as const;

/** Where runs are kept: beside what is compiled, unless it is said. */
const recordsFolder = process.env["CEPA_CHAOS_RECORDS"] ?? join(import.meta.dirname, "..", ".cache", "chaos");
const records = new RunRecords(recordsFolder);
const { command, subject, values } = readArguments();
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
  // A plan from a file has one of its own, for the first run.
  const first = subject?.endsWith(".json") === true && values.seed === undefined ? undefined : chosenSeed();
  let last: Outcome;
  let runs = 0;
  const effects = new Map<string, number>();
  do {
    last = await runOnce(await chosenPlan(first, runs), executor, plant);
    runs += 1;
    for (const [kind, tally] of Object.entries(last.faults))
      effects.set(kind, (effects.get(kind) ?? 0) + tally.effects);
  } while (last.verdict === "pass" && performance.now() < endMs);
  if (runs > 1) note(`${runs} runs by ${executor}, ${[...effects].map((of) => of.join(" ")).join(", ")}`);
  conclude(last);
}

/** Each cell under a seed of its own, so that it can be told by it. */
async function runGrid(): Promise<void> {
  const executor = chosenExecutor();
  const plant = chosenPlant();
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
    process.stdout.write(`FAIL  ${scenario}, seed ${seed}: ${broken}. Again: ./cepa chaos replay ${seed}\n`);
  }
  process.stdout.write(
    `${verdict}: ${ran} runs from seed ${told.first} on, ${failed.length} failed, ${invalid} invalid; ${events} events in ${simulatedMinutes} simulated minutes, ${seconds} s of ${threads} threads\n`,
  );
}

async function replay(): Promise<void> {
  const { plan, outcome, plant } = chosenRecord();
  const again = await runOnce(plan, outcome.executor, bugOf(plant), false);
  if (again.verdict === "not-run" || outcome.executor !== "sim") return conclude(again);
  const isSame = again.digest === outcome.digest && again.verdict === outcome.verdict;
  note(isSame ? "the same again" : `NOT the same again: it was ${outcome.verdict}, ${outcome.digest}`);
  conclude(again, isSame);
  process.exitCode ||= isSame ? 0 : 1;
}

async function shrinkRun(): Promise<void> {
  const { plan, outcome, plant } = chosenRecord();
  const { executor, scenario, seed } = outcome;
  if (outcome.verdict !== "fail") refuse(`the run ${scenario} ${seed} did not fail (${outcome.verdict})`);
  const bug = bugOf(plant);
  // Another failure is another matter: a fault that does nothing is found in almost any plan.
  const [wanted] = brokenOf(outcome.checks) ?? refuse(`the run ${scenario} ${seed} does not say what failed`);
  const { faults, runs } = await shrink(plan.faults, async (some) => {
    const { checks } = await runPlan({ plan: { ...plan, faults: some }, executor, plant: bug });
    const { [wanted]: said = "pass" } = checks as Readonly<Record<string, string>>;
    note(`${some.length} of ${plan.faults.length} faults: ${wanted} ${said === "pass" ? "holds" : "does not hold"}`);
    return said !== "pass";
  });
  const kept = records.keepPlan({ ...plan, faults });
  if (!kept.ok) refuse(`the plan cannot be written: ${kept.failure.problem}`);
  const path = kept.value;
  if (values.json) {
    say({ scenario, seed, executor, plant, check: wanted, faults, runs, path });
    return;
  }
  process.stdout.write(
    `${faults.length} of ${plan.faults.length} faults are enough for ${wanted}, after ${runs} runs: ${path}\n`,
  );
  for (const fault of faults) process.stdout.write(`  ${fault.atMs} ms  ${titleOf(fault)}\n`);
  const planted = plant === undefined ? "" : ` --plant ${plant}`;
  process.stdout.write(`Again: ./cepa chaos run ${path} --executor ${executor}${planted}\n`);
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
  const kept = records.keepPage(record, pageOf(record.plan, record.outcome, record.plant));
  if (!kept.ok) refuse(`the page cannot be written: ${kept.failure.problem}`);
  process.stdout.write(`${kept.value}\n`);
}

async function runOnce(
  plan: Plan,
  executor: ExecutorName,
  plant: PlantedBug | undefined,
  isKept: boolean = true,
): Promise<Outcome> {
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
      const { isTTY } = process.stderr;
      if (nowMs - shownMs < (isTTY ? second / 4 : SAY_EVERY_MS)) return;
      shownMs = nowMs;
      const share = Math.min(100, Math.round((100 * atMs) / plan.durationMs));
      const line = `${plan.scenario} ${plan.seed}: ${share} %, ${soFar.served} served, ${soFar.refused} refused, ${soFar.unanswered} unanswered, ${restarts} restarts, ${faults} faults under way`;
      if (isTTY) process.stderr.write(`\r\u001b[K${line}`);
      else note(line);
    },
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  if (isKept) keep({ plan, outcome, plant: plant?.name });
  const took = ((performance.now() - startedMs) / second).toFixed(1);
  if (outcome.verdict === "fail" && executor === "sim" && plant === undefined && scenarioNamed(plan.scenario)) {
    note(`for chaos/seeds.txt: ${lineOf(plan, brokenOf(outcome.checks)?.[0] ?? "")}`);
  }
  note(
    `${plan.scenario} ${plan.seed} (${executor}): ${outcome.verdict}, ${plan.faults.length} faults, ${outcome.events} events, ${took} s`,
  );
  return outcome;
}

/** What a run came to is told, also where it cannot be kept. */
function keep(record: RunRecord): void {
  const kept = records.keep(record);
  if (!kept.ok) note(`this run cannot be replayed: ${kept.failure.problem}`);
}

/** The verdict, and the exit code that says it. */
function conclude(outcome: Outcome, isSame?: boolean): void {
  const { scenario, executor, seed, verdict, reason, plant, faults, events, digest, checks } = outcome;
  process.exitCode ||= EXIT_CODES[verdict];
  if (values.json) {
    say({ scenario, executor, seed, verdict, reason, plant, isSame, faults, events, digest, checks });
    return;
  }
  const more = [...(plant === undefined ? [] : [`with the bug ${plant}`]), ...(reason === undefined ? [] : [reason])];
  process.stdout.write(
    `${scenario}, seed ${seed}, by ${executor}: ${verdict}${more.length === 0 ? "" : ` (${more.join("; ")})`}\n`,
  );
  for (const [name, said] of Object.entries(checks))
    process.stdout.write(`  ${said === "pass" ? `pass  ${name}` : `FAIL  ${name}: ${said}`}\n`);
  if (verdict === "fail")
    process.stdout.write(
      `Again: ./cepa chaos replay ${seed}. Smaller: ./cepa chaos shrink ${seed}. To look at: ./cepa chaos report ${seed}\n`,
    );
}

/** Of the run that comes after so many, which has the seed so many further on. */
async function chosenPlan(first: number | undefined, runs: number): Promise<Plan> {
  if (subject === undefined) refuse("run what? cepa chaos list has the scenarios");
  const scenario = scenarioNamed(subject);
  const seedFrom = (from: number): number => (from + runs) % 2 ** 32;
  if (scenario !== undefined) return planOf(scenario, { seed: seedFrom(first ?? 0) });
  if (!subject.endsWith(".json")) refuse(`there is no scenario ${named(subject, SCENARIOS)}: cepa chaos list has them`);
  let text: string;
  try {
    // What is no file may never end.
    if (!statSync(subject).isFile()) return refuse(`${subject} is no file`);
    text = readFileSync(subject, "utf8");
  } catch (error) {
    return refuse(`${subject} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const plan = readPlan(text);
  if (!plan.ok) return refuse(`${subject}: ${plan.failure.problem}`);
  for (const [index, fault] of plan.value.faults.entries()) {
    if (fault.kind !== "panic") continue;
    const { failpoints = [] } = (await catalogue[fault.actor]?.())?.behavior ?? {};
    if (failpoints.includes(fault.failpoint)) continue;
    const known = failpoints.length === 0 ? "it has none" : failpoints.join(", ");
    return refuse(`${subject}: faults[${index}].failpoint has to be one of ${fault.actor}: ${known}`);
  }
  return { ...plan.value, seed: seedFrom(first ?? plan.value.seed) };
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
  const { executor: name = "sim" } = values;
  return EXECUTORS.find((executor) => executor === name) ?? refuse(`--executor ${name}: ${EXECUTORS.join(", ")}`);
}

function chosenPlant(): PlantedBug | undefined {
  if (values.plant === undefined) return undefined;
  return (
    plantedBug(values.plant) ?? refuse(`there is no bug ${named(values.plant, PLANTED_BUGS)}: cepa chaos list has them`)
  );
}

/** With what was meant, where that is near. */
function named(given: string, known: readonly { readonly name: string }[]): string {
  const names = known.map(({ name }) => name);
  return `${given}${didYouMean(given, names)}`;
}

function chosenSeed(): number {
  return values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : seedOf(values.seed);
}
