/** Ends a group of processes when this one is gone, however it went: killed, too. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** Hears of that by the end of its standard input. */
const SCRIPT = 'while read -r _; do :; done; kill -TERM "-$1"';

export class Leash implements Disposable {
  readonly #process: ChildProcessByStdio<Writable, null, null>;

  /** `group` is the number of the process that leads it. */
  constructor(group: number) {
    const args = ["-c", SCRIPT, "sh", `${group}`];
    this.#process = spawn("sh", args, { stdio: ["pipe", "ignore", "ignore"], detached: true });
  }

  /** The group has ended by itself. */
  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}
