/** The entry of every command that asks a node. Turns what a command answers into an exit code and at most one line. */
import { readFileSync } from "node:fs";
import { endQuietlyOnBrokenPipe, noteFailure } from "#cli/console.ts";
import { hideKeys } from "#cli/name.ts";
import { run } from "#cli/program.ts";
import { isRecord, parseJson } from "#client/wire.ts";

hideKeys(process.argv.slice(2));
endQuietlyOnBrokenPipe();
const result = await run(process.argv.slice(2), readVersion());
if (result.kind === "told") process.exitCode = result.code;
else if (!result.outcome.ok) {
  const { failure } = result.outcome;
  noteFailure(failure, { json: result.json });
  process.exitCode = failure.code === "cli.bad-url" ? 2 : 1;
}

function readVersion(): string {
  const said = parseJson(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return isRecord(said) && typeof said["version"] === "string" ? said["version"] : "unknown";
}
