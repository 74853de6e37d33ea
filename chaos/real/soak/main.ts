/**
 * `cepa chaos soak`: a node does so much that whatever leaks is seen, and every event and every object is accounted for.
 *
 * Standard output has the figures, and then the verdict; with `--json` each is a line, the verdict the last. What happens
 * meanwhile goes to standard error.
 */
import "#cli/output.ts";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { jsonLine, type Measurement } from "#bench/measurement.ts";
import { reportFigure } from "#bench/report.ts";
import { exitOnSignals } from "#bench/temporary.ts";
import { isPatched, runAgainPatched } from "#chaos/real/patched.ts";
import { LEAKS, type Leak } from "#chaos/real/soak/plants.ts";
import { roomProblem } from "#chaos/real/soak/room.ts";
import { type SoakOutcome, soak } from "#chaos/real/soak/soak.ts";
import type { Look } from "#chaos/real/soak/soak-node.ts";
import { growthRows } from "#chaos/soak/growth-rows.ts";
import { diskBytesOf, SOAK_EVENTS_MAX, SOAK_EVENTS_MIN, SOAK_OBJECTS_MAX, SOAK_OBJECTS_MIN } from "#chaos/soak/plan.ts";
import { timeLeft } from "#chaos/soak/time-left.ts";
import { SOAK_GROWTH_PERCENT_MAX, verdictIn } from "#chaos/soak/verdict.ts";
import { GiB, MiB } from "#runtime/units.ts";

const EXIT_CODES = { pass: 0, fail: 1, undecided: 3 } as const;

const HELP = `usage: cepa chaos soak [--events N] [--objects N] [--minutes M] [--plant LEAK] [--json]

A node of its own, with its Postgres and its Redis, takes so many events of four producers and so many objects side by side, in
48 rounds; in the first twelve some objects are removed again. Then every event is a row or a dead letter, once,
every object is there as it was put or is gone, the node has counted the same, and nothing is left over. After each round garbage
is collected in every process: what that then holds, once it is warm, may grow by no more than ${SOAK_GROWTH_PERCENT_MAX} % an hour. Descriptors and
threads have to be as many as before. Whether anything grows takes some 30 minutes to say: a shorter run is undecided, or fails.

  --events N   1000000 unless it is said, at least ${SOAK_EVENTS_MIN}
  --objects N  100000 unless it is said, at least ${SOAK_OBJECTS_MIN}
  --minutes M  the rounds are spread over so many; as fast as it goes unless it is said
  --plant LEAK a node that leaks, which has to fail: ${LEAKS.map(({ name }) => name).join(", ")}
  --json       a line of JSON for each figure, and as the last line the verdict
  -h, --help   print this

The data is in the directory for temporary files (TMPDIR), and gone afterwards: ${gibOf(1_000_000, 100_000)} for the default, and a soak
does not start without them. Each line of progress says about how long it still takes; what is read at the end comes on top.

Exit code: 0 pass, 1 fail, 2 a mistake in the command, 3 undecided (too short to say whether it grows, or no room on the disk to
begin; never taken for a pass).

Examples, and some time that they take on two cores:
  $ cepa chaos soak                                              # 10 to 15 minutes, ${gibOf(1_000_000, 100_000)} of disk
  $ cepa chaos soak --events 100000 --objects 10000              # 4 minutes, ${gibOf(100_000, 10_000)}
  $ cepa chaos soak --minutes 60 --json                          # an hour, and decides whether anything grows
  $ cepa chaos soak --events 10000 --objects 1000 --plant leak-memory   # 3 minutes, ${gibOf(10_000, 1000)}
`;

const { events, objects, minutes, leak, json } = readArguments();
// With other sources it is done by a process of its own.
if (leak !== undefined && !isPatched(leak.patch)) process.exit(runAgainPatched(leak.patch));
const noRoom = roomProblem(tmpdir(), diskBytesOf(events, objects));
if (noRoom !== undefined) notStarted(noRoom);
exitOnSignals();
const outcome = await soak({ events, objects, minutes, onRound, onStep: note });
for (const figure of figuresOf(outcome)) {
  for (const line of json ? [jsonLine(figure)] : reportFigure(figure).lines) process.stdout.write(`${line}\n`);
}
for (const { line, ...row } of growthRows(outcome.slopes)) {
  process.stdout.write(`${json ? JSON.stringify(row) : line}\n`);
}
const { verdict, checks } = outcome;
process.exitCode = EXIT_CODES[verdict];
if (json) process.stdout.write(`${JSON.stringify({ scenario: "soak", verdict, events, objects, checks })}\n`);
else {
  process.stdout.write(`soak of ${events} events and ${objects} objects: ${verdict}\n`);
  for (const [name, said] of Object.entries(checks)) process.stdout.write(`  ${lineOf(name, said)}\n`);
}

function figuresOf({ eventsPerSecond, objectsPerSecond, seconds, first, last }: SoakOutcome): readonly Measurement[] {
  return [
    { name: "soak.rounds", value: seconds, unit: "s" },
    { name: "soak.events", value: eventsPerSecond, unit: "/s" },
    { name: "soak.objects", value: objectsPerSecond, unit: "/s" },
    ...Object.entries(last.held).flatMap(([name, held]) => [
      { name: `soak.heap-${name}`, value: held.heapBytes / MiB, unit: "MiB" },
      { name: `soak.code-warm-${name}`, value: (first.held[name]?.codeBytes ?? 0) / MiB, unit: "MiB" },
      { name: `soak.code-${name}`, value: held.codeBytes / MiB, unit: "MiB" },
      { name: `soak.external-${name}`, value: held.externalBytes / MiB, unit: "MiB" },
      { name: `soak.resident-warm-${name}`, value: (first.held[name]?.residentBytes ?? 0) / MiB, unit: "MiB" },
      { name: `soak.resident-${name}`, value: held.residentBytes / MiB, unit: "MiB" },
    ]),
  ];
}

function gibOf(eventCount: number, objectCount: number): string {
  return `some ${(diskBytesOf(eventCount, objectCount) / GiB).toFixed(1)} GiB`;
}

/** The word for it, and then what it says of itself: an undecided one begins with that word. */
function lineOf(name: string, said: string): string {
  const verdict = verdictIn(said);
  if (verdict === "pass") return `pass       ${name}`;
  return verdict === "fail" ? `FAIL       ${name}: ${said}` : `undecided  ${name}: ${said.replace("undecided: ", "")}`;
}

function onRound(done: number, rounds: number, elapsedMs: number, { held }: Look): void {
  const of = Object.entries(held).map(([name, { heapBytes, externalBytes }]) => {
    return `${name} ${((heapBytes + externalBytes) / MiB).toFixed(2)}`;
  });
  const left = done < rounds ? `, ${timeLeft(done, rounds, elapsedMs)}` : "";
  note(`round ${done} of ${rounds}${left}, MiB held: ${of.join(", ")}`);
}

function note(line: string): void {
  process.stderr.write(`cepa: soak: ${line}\n`);
}

/** Nothing was tried, so that nothing is decided. */
function notStarted(reason: string): never {
  note(reason);
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ scenario: "soak", verdict: "undecided", events, objects, reason, checks: {} })}\n`,
    );
  }
  process.exit(EXIT_CODES.undecided);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        events: { type: "string", default: "1000000" },
        objects: { type: "string", default: "100000" },
        minutes: { type: "string", default: "0" },
        plant: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    return {
      events: countIn("--events", values.events, SOAK_EVENTS_MIN, SOAK_EVENTS_MAX),
      objects: countIn("--objects", values.objects, SOAK_OBJECTS_MIN, SOAK_OBJECTS_MAX),
      minutes: minutesIn(values.minutes),
      leak: values.plant === undefined ? undefined : leakNamed(values.plant),
      json: values.json,
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function leakNamed(name: string): Leak {
  return (
    LEAKS.find((leak) => leak.name === name) ??
    refuse(`there is no leak ${name}: ${LEAKS.map((leak) => leak.name).join(", ")}`)
  );
}

function countIn(option: string, text: string, min: number, max: number): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= min && count <= max) return count;
  return refuse(`${option} ${text} is no number between ${min} and ${max}`);
}

function minutesIn(text: string): number {
  const minutes = Number(text);
  return Number.isFinite(minutes) && minutes >= 0 ? minutes : refuse(`--minutes ${text} is no number of minutes`);
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}: see cepa chaos soak --help\n`);
  process.exit(2);
}
