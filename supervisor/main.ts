/** `cepa up`: the root process, on the real tree. The only place where it touches its own arguments and streams. */
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { readBuild } from "#runtime/real/build-id.ts";
import { realMachine } from "#supervisor/root/real-machine.ts";
import { realRootSeams } from "#supervisor/root/real-seams.ts";
import { runRoot } from "#supervisor/root/run-root.ts";
import { tree } from "#supervisor/tree.ts";

const here = import.meta.dirname;
const build = readBuild(join(here, ".."));
const cellEntry = join(here, "cell-main.ts");

// A node does not end because nobody can take what it says: a pipe that was closed, a file on a full disk.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

await runRoot({
  tree,
  args: process.argv.slice(2),
  machine: realMachine(join(here, "../cepa")),
  seams: realRootSeams({ tree, build, node: process.execPath, cellEntry }),
  writeOut: (line) => void process.stdout.write(`${line}\n`),
  writeError: (line) => void process.stderr.write(`${line}\n`),
  // Compiled code takes a third of the memory and of the time of sources: the next root and the next cells find it.
  onStarted: flushCompileCache,
});
