/**
 * Loaded with `--import` into every process of a node, for as long as a soak runs: a socket on which each of its threads collects
 * its garbage when it is asked to, and says what it then holds. Nothing of it is in a node that is not soaked.
 *
 * One line is one answer; what is sent to it is not looked at. A thread has a socket of its own, because it has a heap of its own.
 */
import { createServer } from "node:net";
import { join } from "node:path";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { threadId } from "node:worker_threads";
import { handOn } from "#test/kit/hand-on.ts";

/** What a thread holds after a collection. */
export interface HeldByThread {
  /** Its objects. */
  readonly heapBytes: number;
  /** What V8 has compiled, with what it notes of that: it grows with how much of the sources was run how often, and not past that. */
  readonly codeBytes: number;
  /** What its objects hold outside of the heap: buffers, above all. */
  readonly externalBytes: number;
}

/** Names a folder of sockets. */
export const PROBE_VARIABLE = "CEPA_SOAK_PROBES";
/** What a first collection finds to be garbage may refer to more, which is finalized after it, beside the main thread. */
const COLLECTIONS = 4;
const PAUSE_MS = 50;

/** Spaces of the heap that have code, or what belongs to it. */
const CODE = /^(?:shared_)?(?:code|trusted)_/;

function heapHeld(): Pick<HeldByThread, "heapBytes" | "codeBytes"> {
  let heapBytes = 0;
  let codeBytes = 0;
  for (const { space_name: name, space_used_size: usedBytes } of getHeapSpaceStatistics()) {
    if (CODE.test(name)) codeBytes += usedBytes;
    else heapBytes += usedBytes;
  }
  return { heapBytes, codeBytes };
}

const { [PROBE_VARIABLE]: folder } = process.env;
if (folder !== undefined) {
  setFlagsFromString("--expose-gc");
  // Code that was not run for a while would be given up by these collections, and compiled again.
  setFlagsFromString("--no-flush-bytecode");
  const collect = runInNewContext("gc") as () => void;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => answer(0));
    const answer = (done: number): void => {
      if (done < COLLECTIONS) {
        collect();
        setTimeout(answer, PAUSE_MS, done + 1);
        return;
      }
      const { heapBytes, codeBytes } = heapHeld();
      const held: HeldByThread = { heapBytes, codeBytes, externalBytes: process.memoryUsage().external };
      socket.end(`${JSON.stringify(held)}\n`);
    };
  });
  server.listen(join(folder, `${process.pid}.${threadId}`));
  server.unref();
  if (threadId === 0) handOn(["NODE_OPTIONS", PROBE_VARIABLE]);
}
