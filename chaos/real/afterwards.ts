/** Who cleans up behind a run, in a process of its own that outlives whoever is interrupted or killed: see `afterwards.sh`. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Writable } from "node:stream";

const SCRIPT = join(import.meta.dirname, "afterwards.sh");

export class Afterwards {
  readonly #process: ChildProcessByStdio<Writable, null, null>;
  readonly #closed: Promise<unknown>;

  /** Of the run in `folder`, whose node has its data in `data`. */
  constructor(folder: string, data: string) {
    this.#process = spawn("sh", [SCRIPT, folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    this.#closed = once(this.#process, "close");
    // Not among its arguments: whoever names that directory is a process of the node.
    this.#process.stdin.write(`${data}\n`);
  }

  /** Settles when nothing is left. */
  async clean(): Promise<void> {
    this.#process.stdin.end();
    await this.#closed;
  }
}
