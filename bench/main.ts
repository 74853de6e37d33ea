/**
 * `cepa bench [actors|store|all] [--json]`: measures this machine, one line a figure as it comes.
 *
 * It informs and does not judge. What is compared runs side by side in one run, and only completed, verified work counts.
 */
import { parseArgs } from "node:util";
import { benchActors } from "#bench/actors.ts";
import { jsonLine, type Measurement, tableRow } from "#bench/measurement.ts";
import { benchStore } from "#bench/store.ts";

const SUITES: Readonly<Record<string, () => AsyncIterable<Measurement>>> = { actors: benchActors, store: benchStore };

const HELP = `usage: cepa bench [options] [suite...]

Measures this machine, one line a figure as it comes, beside what others do with the same work. It informs and does not
judge. Suites: actors, store, all (the default).

  --json       one JSON object a line: name, value, unit, and peer, peer_value and ratio where there is a peer
  -h, --help   print this

Examples:
  $ cepa bench
  $ cepa bench store --json
`;

const { suites, json } = readArguments();
const widths = [30, 18, 32];
for (const suite of suites) {
  for await (const measurement of suite()) {
    const row = tableRow(measurement).map((cell, column) => cell.padEnd(widths[column] ?? 0));
    process.stdout.write(`${json ? jsonLine(measurement) : row.join("  ").trimEnd()}\n`);
  }
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const names = positionals.length === 0 || positionals[0] === "all" ? Object.keys(SUITES) : positionals;
    const chosen = names.map((name) => SUITES[name] ?? refuse(`there is no suite ${name}: actors, store or all`));
    return { suites: chosen, json: values.json };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(message: string): never {
  process.stderr.write(`cepa: ${message}\n`);
  process.exit(2);
}
