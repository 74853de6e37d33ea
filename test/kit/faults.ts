/** A process behind `faults.c`, which lets the system call number N of all of its threads end it, fail, or write short. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { promisify } from "node:util";

/** What `faults.c` says of them. */
export type Fault = "kill" | "EIO" | "ENOSPC" | "short" | "short-once" | "short-full";

/** A call that counted, was spoiled, or came next on the same descriptor. */
export interface FaultLine {
  readonly what: "call" | "fault" | "next";
  readonly call: string;
  /** What it took, and what it was given. */
  readonly takenBytes: number;
  readonly givenBytes: number;
  readonly path: string;
}

export interface FaultedRun<Told> {
  readonly told: Told;
  readonly lines: readonly FaultLine[];
}

/** `faults.c`, compiled for as long as the suite lasts in which this is called; answers with where it is by then. */
export function libraryOfSuite(): () => string {
  let folder = "";
  const library = (): string => join(folder, "faults.so");
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cepa-faults-"));
    const source = join(import.meta.dirname, "faults.c");
    await promisify(execFile)("cc", ["-shared", "-fPIC", "-O2", "-o", library(), source]);
  });
  after(() => rm(folder, { recursive: true, force: true }));
  return library;
}

/**
 * What `run` told of a process in whose environment this is. Calls count that are about `directory`; `at` 0 spoils nothing.
 */
export async function runFaulted<Told>(
  library: string,
  directory: string,
  { fault, at }: { readonly fault: Fault; readonly at: number },
  run: (env: Readonly<Record<string, string>>) => Promise<Told>,
): Promise<FaultedRun<Told>> {
  // Beside the library: where the process works, the power may be cut.
  const log = `${library}.log`;
  rmSync(log, { force: true });
  const told = await run({
    LD_PRELOAD: library,
    CEPA_FAULT: fault,
    CEPA_FAULT_AT: String(at),
    CEPA_FAULT_DIRECTORY: directory,
    CEPA_FAULT_LOG: log,
  });
  return { told, lines: readFileSync(log, "utf8").trimEnd().split("\n").map(parseLine) };
}

function parseLine(line: string): FaultLine {
  const [, what, call = "", taken, given = taken, path = ""] =
    /^(call|fault|next) (\w+) (\d+)(?: of (\d+))? (.+)$/.exec(line) ?? [];
  assert(what === "call" || what === "fault" || what === "next", `a line of the library: ${line}`);
  return { what, call, takenBytes: Number(taken), givenBytes: Number(given), path };
}
