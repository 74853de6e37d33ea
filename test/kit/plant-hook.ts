/**
 * Loaded with `--import` before a check runs: one source file is then read with one text replaced by another.
 *
 * The sources on disk stay as they are. `test/kit/planted.ts` and `chaos/patched.ts` say which text, through the environment.
 * Where the hook itself came through it, every process of Node that comes of this one reads its sources likewise.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { handOn } from "#test/kit/hand-on.ts";

const root = join(import.meta.dirname, "..", "..");
const { file, from, to } = JSON.parse(process.env["CEPA_PLANT"] ?? "{}") as Record<"file" | "from" | "to", string>;
/** A file for whoever cannot hear what a process of a node prints. */
const told = process.env["CEPA_PLANT_TOLD"] ?? "";
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
    if (told !== "") writeFileSync(told, "");
    return { format: "module-typescript", source: pieces.join(to), shortCircuit: true };
  },
});

if (process.env["NODE_OPTIONS"] !== undefined) handOn(["NODE_OPTIONS", "CEPA_PLANT", "CEPA_PLANT_TOLD"]);
