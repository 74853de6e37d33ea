/**
 * System calls of a process that runs, failing, slow, or the last thing that it does, by `strace`: what a disk does that is
 * broken or overloaded, and a machine that has no time for a thread. Or as they are, to be looked at.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
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
/** What the main thread waits in, once in each turn of its event loop. */
const LOOP_CALLS = "epoll_pwait,epoll_wait";
/** A call that was touched, and the end of a process with its last call. */
const EFFECT = /\((INJECTED|DELAYED)\)|^\d+ +\+\+\+ killed by SIGKILL/;
/** For `strace` to have every thread. */
const ATTACH_MS = 300;

/** Every thread of a process, or the main one. */
type Threads = "all" | "main";

export class TracedCalls {
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
  ): Promise<TracedCalls> {
    const { operation, errno, count } = fault;
    return TracedCalls.#attach(pid, trace, CALLS[operation], `error=${errno}:when=1..${count}`);
  }

  static slow(pid: number, trace: string, delayMs: number): Promise<TracedCalls> {
    return TracedCalls.#attach(pid, trace, CALLS.sync, `delay_enter=${delayMs * 1000}`);
  }

  /** The event loop stands still for so long, once. */
  static stalled(pid: number, trace: string, forMs: number): Promise<TracedCalls> {
    return TracedCalls.#attach(pid, trace, LOOP_CALLS, `delay_exit=${forMs * 1000}:when=1`, "main");
  }

  /** The process is killed before call `number` of one of its threads. */
  static killed(pid: number, trace: string, operation: BreakableOperation, number: number): Promise<TracedCalls> {
    return TracedCalls.#attach(pid, trace, CALLS[operation], `signal=SIGKILL:when=${number}`);
  }

  /** Writes as they are, each on a line of its own, with all their lengths. */
  static watched(pid: number, trace: string): Promise<TracedCalls> {
    return TracedCalls.#spawn(["-f", ...told(pid, trace, CALLS.write), "-s", "0", "-e", "abbrev=none"], trace);
  }

  static #attach(
    pid: number,
    trace: string,
    calls: string,
    what: string,
    threads: Threads = "all",
  ): Promise<TracedCalls> {
    const follow = threads === "all" ? ["-f"] : [];
    return TracedCalls.#spawn([...follow, ...told(pid, trace, calls), "-e", `inject=${calls}:${what}`], trace);
  }

  static async #spawn(asked: readonly string[], trace: string): Promise<TracedCalls> {
    const strace = spawn("strace", asked, { stdio: "ignore" });
    await sleep(ATTACH_MS);
    return new TracedCalls(strace, trace);
  }

  /** Calls that were touched, as far as they are known after `release`. */
  get effects(): number {
    return this.#effects;
  }

  /** Until the process has ended, or so long. */
  async ended(withinMs: number): Promise<void> {
    if (this.#isAtWork) await Promise.race([once(this.#strace, "exit"), sleep(withinMs)]);
  }

  /** So many lines are so by now. */
  seen(isSo: (line: string) => boolean): number {
    return existsSync(this.#trace) ? whole(readFileSync(this.#trace, "utf8")).filter(isSo).length : 0;
  }

  /** Answers with how many lines are so: as a rule, those of calls that were touched. */
  async release(isSo: (line: string) => boolean = isTouched): Promise<number> {
    if (this.#isAtWork) {
      this.#strace.kill("SIGINT");
      await once(this.#strace, "exit");
    }
    this.#effects = this.seen(isSo);
    rmSync(this.#trace);
    return this.#effects;
  }

  get #isAtWork(): boolean {
    return this.#strace.exitCode === null && this.#strace.signalCode === null;
  }
}

function told(pid: number, trace: string, calls: string): readonly string[] {
  return ["-qq", "-p", `${pid}`, "-o", trace, "-e", `trace=${calls}`];
}

function isTouched(line: string): boolean {
  return EFFECT.test(line);
}

/** A call during which another thread made one is told in two lines. */
function whole(trace: string): readonly string[] {
  const begun = new Map<string, string>();
  return trace.split("\n").map((line) => {
    const [, thread = "", head = ""] = line.match(/^(\d+) +(.*) <unfinished \.\.\.>$/) ?? [];
    if (thread !== "") begun.set(thread, head);
    const [, ends = "", tail = ""] = line.match(/^(\d+) +<\.\.\. \w+ resumed>(.*)$/) ?? [];
    return ends === "" ? line : `${ends} ${begun.get(ends) ?? ""}${tail}`;
  });
}
