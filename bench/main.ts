/**
 * `cepa bench [actors|store|dedup|erasure|memory|volumes|all] [--quick] [--json]`: measures this machine, a figure as it comes.
 *
 * It informs and does not judge. What is compared runs side by side in one run, and only completed, verified work counts.
 */
import { parseArgs } from "node:util";
import { benchActors } from "#bench/actors/suite.ts";
import { openCache } from "#bench/cache.ts";
import { benchDedup } from "#bench/dedup/suite.ts";
import { benchErasure } from "#bench/erasure.ts";
import { benchHeldMemory } from "#bench/held-memory.ts";
import { jsonLine, type Measurement } from "#bench/measurement.ts";
import { type Report, reportFigure } from "#bench/report.ts";
import { benchStore } from "#bench/store.ts";
import { benchVolumes } from "#bench/volumes.ts";

interface Options {
  readonly quick: boolean;
  /** Size of the object of `memory`, GiB. */
  readonly gib: number;
}

const SUITES: Readonly<Record<string, (options: Options) => AsyncIterable<Report>>> = {
  actors: benchActors,
  store: () => reported(benchStore()),
  dedup: benchDedup,
  erasure: () => reported(benchErasure()),
  volumes: () => reported(benchVolumes(openCache())),
  memory: ({ gib }) => reported(benchHeldMemory(gib)),
};

const HELP = `usage: cepa bench [options] [suite...]

Measures this machine, a figure as it comes, beside what others do with the same work. It informs and does not judge.
Suites: actors, store, dedup, erasure, memory, volumes, all (the default). Others that are missing are fetched into a cache, and absent where
that cannot be, or with CEPA_PROVISION=never.

  --quick      actors: little of everything, in seconds; shows that it works, its figures say little
  --gib N      memory: size of the object that is put, 2 unless it is said. Exit code 1: more was held than may be
  --json       one JSON object a line: name, value, unit; peer, peer_value and ratio where there is a peer; target and
               met where something should be reached; samples and peer_samples where the value is their median
  -h, --help   print this

Examples:
  $ cepa bench
  $ cepa bench actors
  $ cepa bench store --json
  $ cepa bench dedup
`;

const { suites, json, quick, gib } = readArguments();
for (const suite of suites) {
  for await (const { lines, figures } of suite({ quick, gib })) {
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
        gib: { type: "string", default: "2" },
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
      (name) =>
        SUITES[name] ?? refuse(`there is no suite ${name}: actors, store, dedup, erasure, memory, volumes or all`),
    );
    return { suites: chosen, json: values.json, quick: values.quick, gib: Number(values.gib) };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}\n`);
  process.exit(2);
}
