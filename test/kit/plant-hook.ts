/**
 * Loaded with `--import` before a check runs: one source file is then read with one text replaced by another.
 *
 * The sources on disk stay as they are. `test/kit/planted.ts` and `chaos/patched.ts` say which text, through the environment.
 * Where the hook itself came through it, so it does in every process that is started, whatever environment that is given: a
 * root hands little of its own to its cells.
 */
import processes from "node:child_process";
import { readFileSync } from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..", "..");
const { file, from, to } = JSON.parse(process.env["CEPA_PLANT"] ?? "{}") as Record<"file" | "from" | "to", string>;
const path = join(root, file);
const planted = pathToFileURL(path).href;
const pieces = readFileSync(path, "utf8").split(from);

if (pieces.length !== 2) {
  process.stderr.write(`the plant does not fit: ${file} has its text ${pieces.length - 1} times\n`);
  process.exit(3);
}

registerHooks({
  load(url, context, nextLoad) {
    if (url !== planted) return nextLoad(url, context);
    process.stderr.write(`planted: ${file}\n`);
    return { format: "module-typescript", source: pieces.join(to), shortCircuit: true };
  },
});

const { NODE_OPTIONS, CEPA_PLANT } = process.env;
if (NODE_OPTIONS !== undefined) {
  const { spawn } = processes;
  const handed = { NODE_OPTIONS, CEPA_PLANT };
  const spawnPlanted = (command: string, args: readonly string[], options: processes.SpawnOptions) =>
    spawn(command, args, { ...options, env: { ...(options.env ?? process.env), ...handed } });
  processes.spawn = spawnPlanted as typeof spawn;
  syncBuiltinESMExports();
}
