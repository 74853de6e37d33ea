/** A cell's process, on the real tree. Started by the root; alone it ends at once. */
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { readBuild } from "#runtime/real/build-id.ts";
import { catalogue } from "#supervisor/catalogue.ts";
import { realBase, realCellSeams } from "#supervisor/cell/real-seams.ts";
import { runCell } from "#supervisor/cell/run-cell.ts";
import { tree } from "#supervisor/tree.ts";

// What is said on the way is not worth the cell: its file may be on a disk that is full.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

runCell({
  tree,
  catalogue,
  seams: realCellSeams(realBase()),
  buildId: () => readBuild(join(import.meta.dirname, "..")).id,
  onDefect: (run) => {
    process.on("uncaughtException", run);
    process.on("unhandledRejection", run);
  },
  writeError: (line) => void process.stderr.write(`${line}\n`),
  // What this life compiled, the next one need not.
  onStarted: flushCompileCache,
});
