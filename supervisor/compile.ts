/**
 * Compiles the node's sources into the compile cache, so that no process of a node has to: one that compiles TypeScript
 * keeps the compiler in memory for life, 25 to 35 MiB. The launcher runs it before the first start from changed sources.
 *
 * Its arguments are the flags of the root's V8, and it runs under those of a cell: code that was compiled under other flags
 * is not used.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { minute } from "#runtime/units.ts";
import { CELL_FLAGS } from "#supervisor/cell-flags.ts";

const root = join(import.meta.dirname, "..");
const rootFlags = process.argv.slice(2);
/** Modules that do something when they are loaded. */
const entries: ReadonlySet<string> = new Set(["main.ts", "cell-main.ts", "compile.ts"]);

/** Runs an entry to its end, which with these arguments comes at once. */
function run(...args: readonly string[]): void {
  spawnSync(process.execPath, args, { cwd: import.meta.dirname, stdio: "ignore", timeout: 1 * minute });
}

run(...rootFlags, "main.ts", "--help");
// In the profile `single` the root is all the cells.
run(...CELL_FLAGS, "main.ts", "--help");
run(...CELL_FLAGS, "cell-main.ts");
// Everything else, also what is loaded late. Loading it does nothing.
for (const folder of ["runtime", "actors", "supervisor"]) {
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".ts") && !entries.has(name)) await import(join(root, folder, name));
  }
}
flushCompileCache();
