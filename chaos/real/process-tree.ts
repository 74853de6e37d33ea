/** Processes of this machine: what came of one, and how they are stopped, continued and killed. */
import { readdirSync, readFileSync } from "node:fs";

/** Stops it and all that came of it, parents first: who is stopped begins nothing more. Gives all of them. */
export function stopTree(pid: number): readonly number[] {
  signal(pid, "SIGSTOP");
  return [pid, ...childrenOf(pid).flatMap(stopTree)];
}

/** Children first. Gives how many there were yet. */
export function continueAll(pids: readonly number[]): number {
  return pids.toReversed().filter((pid) => signal(pid, "SIGCONT")).length;
}

/** False where there is no such process. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  if (pid <= 0) return false;
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Open ones; 0 where there is no such process. */
export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // It has gone meanwhile.
  }
}

function childrenOf(pid: number): readonly number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).filter((one) => parentOf(one) === pid);
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return 0; // It has gone meanwhile.
  }
}
