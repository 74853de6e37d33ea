/**
 * `cepa bench [actors|store|growth|dedup|erasure|volumes|ingest|memory|simulation|all] [options]`: measures this machine, a figure as it comes.
 *
 * It informs and does not judge. What is compared runs side by side in one run, and only completed, verified work counts.
 */
import "#cli/output.ts";
import { parseArgs } from "node:util";
import { benchActors } from "#bench/actors/suite.ts";
import { openCache } from "#bench/cache.ts";
import { benchDedup } from "#bench/dedup/suite.ts";
import { benchErasure } from "#bench/erasure.ts";
import { benchGrowth } from "#bench/growth/suite.ts";
import { benchHeldMemory } from "#bench/held-memory.ts";
import { benchIngest } from "#bench/ingest/suite.ts";
import { jsonLine, type Measurement } from "#bench/measurement.ts";
import { type Report, reportFigure } from "#bench/report.ts";
import { benchSimulation } from "#bench/simulation.ts";
import { benchStore } from "#bench/store.ts";
import { exitOnSignals } from "#bench/temporary.ts";
import { benchVolumes } from "#bench/volumes.ts";

interface Options {
  readonly quick: boolean;
  /** Sizes of the object of `memory` and of the stores of `growth`, GiB. Undefined: their own. */
  readonly gib: readonly number[] | undefined;
  /** Entries that wait while the memory of ingest is measured. */
  readonly backlog: number;
}

const BACKLOG = "200000";

const MEMORY_GIB = [2];
const GROWTH_GIB = [1, 4];

const SUITES: Readonly<Record<string, (options: Options) => AsyncIterable<Report>>> = {
  actors: benchActors,
  store: () => reported(benchStore()),
  growth: ({ gib = GROWTH_GIB }) => benchGrowth(gib),
  dedup: benchDedup,
  erasure: () => reported(benchErasure()),
  volumes: () => reported(benchVolumes(openCache())),
  ingest: (options) => reported(benchIngest(options)),
  memory: ({ gib = MEMORY_GIB }) => reported(benchHeldMemory(gib)),
  simulation: () => reported(benchSimulation()),
};

const HELP = `usage: cepa bench [options] [suite...]

Measures this machine, a figure as it comes, beside what others do with the same work. It informs and does not judge.
Suites: actors, store, growth, dedup, erasure, volumes, ingest, memory, simulation, all (the default). Others that are missing are
fetched into a cache, and absent where that cannot be, or with CEPA_PROVISION=never.

  --quick      actors, ingest: little of everything, in seconds; shows that it works, its figures say little
  --backlog N  ingest: entries that wait while memory is measured, 200000 unless it is said; Redis holds a kibibyte of each
  --gib N,...  growth: sizes of the stores, 1,4 unless they are said; the disk keeps 15 GiB free
               memory: sizes of the object that is put, 2 unless it is said. Exit code 1: more was held than may be
  --json       one JSON object a line: name, value, unit; peer, peer_value and ratio where there is a peer; target and
               met where something should be reached; samples and peer_samples where the value is their median
  -h, --help   print this

Examples:
  $ cepa bench
  $ cepa bench actors
  $ cepa bench store --json
  $ cepa bench growth --gib 1,10
  $ cepa bench dedup
`;

const { suites, json, quick, gib, backlog } = readArguments();
exitOnSignals();
for (const suite of suites) {
  for await (const { lines, figures } of suite({ quick, gib, backlog })) {
    if (suite === SUITES["memory"] && figures.some(({ met }) => met === false)) process.exitCode = 1;
    for (const line of json ? figures.map(jsonLine) : lines) process.stdout.write(`${line}\n`);
  }
}

async function* reported(measurements: AsyncIterable<Measurement>): AsyncGenerator<Report> {
  for await (const measurement of measurements) yield reportFigure(measurement);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        gib: { type: "string" },
        backlog: { type: "string", default: BACKLOG },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const names = positionals.length === 0 || positionals[0] === "all" ? Object.keys(SUITES) : positionals;
    const chosen = names.map(
      (name) => SUITES[name] ?? refuse(`there is no suite ${name}: ${Object.keys(SUITES).join(", ")} or all`),
    );
    return {
      suites: chosen,
      json: values.json,
      quick: values.quick,
      gib: sizesIn(values.gib),
      backlog: countIn(values.backlog),
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function sizesIn(text: string | undefined): readonly number[] | undefined {
  const sizes = text?.split(",").map(Number);
  return sizes?.every((size) => size > 0) === false ? refuse(`--gib ${text} is no list of sizes, as 1,10 is`) : sizes;
}

function countIn(text: string): number {
  const count = Number(text);
  return Number.isSafeInteger(count) && count > 0 ? count : refuse(`--backlog ${text} is no number of entries`);
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}\n`);
  process.exit(2);
}
