/** System calls of a process that runs, failing or slow, by `strace`: what a disk does that is broken or overloaded. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { BreakableOperation, DiskErrno } from "#chaos/fault.ts";

/** What does each operation of a disk. Sockets and pipes use none of them, but for the opening of files of the system. */
const CALLS: Readonly<Record<BreakableOperation, string>> = {
  open: "openat",
  read: "pread64,preadv,preadv2",
  write: "pwrite64,pwritev,pwritev2",
  sync: "fdatasync,fsync",
  truncate: "ftruncate",
};
/** For `strace` to have every thread. */
const ATTACH_MS = 300;

export class TracedDisk {
  readonly #strace: ChildProcess;
  readonly #trace: string;
  #effects = 0;

  private constructor(strace: ChildProcess, trace: string) {
    this.#strace = strace;
    this.#trace = trace;
  }

  /** In each thread, the next `count` calls fail. */
  static failing(
    pid: number,
    trace: string,
    fault: { readonly operation: BreakableOperation; readonly errno: DiskErrno; readonly count: number },
  ): Promise<TracedDisk> {
    const { operation, errno, count } = fault;
    return TracedDisk.#attach(pid, trace, CALLS[operation], `error=${errno}:when=1..${count}`);
  }

  static slow(pid: number, trace: string, delayMs: number): Promise<TracedDisk> {
    return TracedDisk.#attach(pid, trace, CALLS.sync, `delay_enter=${delayMs * 1000}`);
  }

  static async #attach(pid: number, trace: string, calls: string, what: string): Promise<TracedDisk> {
    const args = ["-f", "-qq", "-p", `${pid}`, "-o", trace, "-e", `trace=${calls}`, "-e", `inject=${calls}:${what}`];
    const strace = spawn("strace", args, { stdio: "ignore" });
    await sleep(ATTACH_MS);
    return new TracedDisk(strace, trace);
  }

  /** Calls that were touched, as far as they are known after `release`. */
  get effects(): number {
    return this.#effects;
  }

  async release(): Promise<void> {
    if (this.#strace.exitCode === null && this.#strace.signalCode === null) {
      this.#strace.kill("SIGINT");
      await once(this.#strace, "exit");
    }
    const told = readFileSync(this.#trace, "utf8");
    this.#effects = told.split("\n").filter((line) => /\((INJECTED|DELAYED)\)/.test(line)).length;
    rmSync(this.#trace);
  }
}
