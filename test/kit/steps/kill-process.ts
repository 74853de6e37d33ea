/** SIGKILL, and nothing of it is left. */
import { readFileSync } from "node:fs";
import { eventually } from "#test/kit/node.ts";

/** Settles when it has no connection and no file open any more. */
export async function killProcess(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await eventually(5000, "it is gone", () => isOver(pid));
}

/** A zombie with one thread holds nothing. */
function isOver(pid: number): boolean {
  try {
    return /^State:\s+Z.*^Threads:\s+1$/ms.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}
