/**
 * `cepa bench [actors|store|dedup|erasure|volumes|all] [--quick] [--json]`: measures this machine, a figure as it comes.
 *
 * It informs and does not judge. What is compared runs side by side in one run, and only completed, verified work counts.
 */
import { parseArgs } from "node:util";
import { benchActors } from "#bench/actors/suite.ts";
import { openCache } from "#bench/cache.ts";
import { benchDedup } from "#bench/dedup/suite.ts";
import { benchErasure } from "#bench/erasure.ts";
import { jsonLine, type Measurement } from "#bench/measurement.ts";
import { type Report, reportFigure } from "#bench/report.ts";
import { benchStore } from "#bench/store.ts";
import { benchVolumes } from "#bench/volumes.ts";

interface Options {
  readonly quick: boolean;
}

const SUITES: Readonly<Record<string, (options: Options) => AsyncIterable<Report>>> = {
  actors: benchActors,
  store: () => reported(benchStore()),
  dedup: benchDedup,
  erasure: () => reported(benchErasure()),
  volumes: () => reported(benchVolumes(openCache())),
};

const HELP = `usage: cepa bench [options] [suite...]

Measures this machine, a figure as it comes, beside what others do with the same work. It informs and does not judge.
Suites: actors, store, dedup, erasure, volumes, all (the default). Others that are missing are fetched into a cache, and absent where
that cannot be, or with CEPA_PROVISION=never.

  --quick      actors: little of everything, in seconds; shows that it works, its figures say little
  --json       one JSON object a line: name, value, unit; peer, peer_value and ratio where there is a peer; target and
               met where something should be reached; samples and peer_samples where the value is their median
  -h, --help   print this

Examples:
  $ cepa bench
  $ cepa bench actors
  $ cepa bench store --json
  $ cepa bench dedup
`;

const { suites, json, quick } = readArguments();
for (const suite of suites) {
  for await (const { lines, figures } of suite({ quick })) {
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
      (name) => SUITES[name] ?? refuse(`there is no suite ${name}: actors, store, dedup, erasure, volumes or all`),
    );
    return { suites: chosen, json: values.json, quick: values.quick };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}\n`);
  process.exit(2);
}
