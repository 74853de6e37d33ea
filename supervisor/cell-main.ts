/** A cell's process, on the real tree. Started by the root; alone it ends at once. */
import { flushCompileCache } from "node:module";
import { catalogue } from "#supervisor/catalogue.ts";
import { realBase, realCellSeams } from "#supervisor/cell/real-seams.ts";
import { runCell } from "#supervisor/cell/run-cell.ts";
import { tree } from "#supervisor/tree.ts";

runCell({
  tree,
  catalogue,
  seams: realCellSeams(realBase()),
  onDefect: (run) => {
    process.on("uncaughtException", run);
    process.on("unhandledRejection", run);
  },
  writeError: (line) => void process.stderr.write(`${line}\n`),
  // What this life compiled, the next one need not.
  onStarted: flushCompileCache,
});
