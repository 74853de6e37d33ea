/** A real child of the processes suite: does what its first argument says, as `programs` does in the simulation. */
import { createRealProcesses } from "#runtime/real/processes.ts";
import { behave } from "#test/runtime/seams/processes-suite.ts";

const { self } = createRealProcesses();
behave(process.argv[2] ?? "", self);
