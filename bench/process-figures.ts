/** What the kernel knows of a process. */
import { readFileSync } from "node:fs";
import { KiB } from "#runtime/units.ts";

/** Of the clock by which the kernel counts the time of processes. */
const TICKS_PER_SECOND = 100;

export function residentBytes(pid: number): number {
  return memoryBytes(pid, "VmRSS");
}

/** The part of that which is files: code, and stores that are mapped. The kernel takes it back where memory is short. */
export function mappedBytes(pid: number): number {
  return memoryBytes(pid, "RssFile");
}

function memoryBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  return Number(kibibytes) * KiB;
}

/** Time on a core so far, in all its threads. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
