/**
 * Whether anything of a process group runs. One that has ended and was not waited for yet (a zombie) has a name in the
 * group, and nothing else: whoever inherited it may take seconds to look.
 */
import { readdirSync, readFileSync } from "node:fs";

/** `leaderPid`: the id of the group. Where the system does not show its processes, a zombie counts as running. */
export function isGroupRunning(leaderPid: number): boolean {
  if (!isGroupKnown(leaderPid)) return false;
  const pids = processIds();
  return pids.length === 0 || pids.some((pid) => isRunningIn(pid, leaderPid));
}

function isGroupKnown(leaderPid: number): boolean {
  try {
    process.kill(-leaderPid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function processIds(): readonly string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function isRunningIn(pid: string, leaderPid: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // It ended meanwhile.
    return false;
  }
  // The name before it is in brackets, and may hold anything.
  const [state = "", , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(group) === leaderPid && state !== "Z" && state !== "X";
}
