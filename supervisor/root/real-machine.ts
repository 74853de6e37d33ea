/** The machine that this process runs on, as Linux tells of it. */
import { lstatSync, readFileSync, statfsSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { basename } from "node:path";
import { ownUserId } from "#runtime/real/private-directory.ts";
import type { Machine } from "#supervisor/root/machine.ts";

/** From the kernel's `magic.h`: tmpfs and ramfs. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

/** `launcher`: path of `cepa`. */
export function realMachine(launcher: string): Machine {
  return {
    isMemory: (path) => {
      try {
        return MEMORY_FILE_SYSTEMS.has(statfsSync(path).type >>> 0);
      } catch {
        return false;
      }
    },
    isPrivate: (directory) => {
      try {
        const facts = lstatSync(directory);
        return facts.isDirectory() && facts.uid === ownUserId() && (facts.mode & 0o077) === 0;
      } catch {
        // It is not there, or out of reach.
        return false;
      }
    },
    swaps: () => swapsIn(read("/proc/swaps")).filter((path) => !isInMemory(path)),
    coreBytesMax: () => {
      const [, soft = ""] = /^Max core file size +(\S+)/m.exec(read("/proc/self/limits")) ?? [];
      return /^\d+$/.test(soft) ? Number(soft) : Number.POSITIVE_INFINITY;
    },
    compileCache: getCompileCacheDir,
    becomeLauncher: (args) => process.execve?.(launcher, [launcher, "up", ...args], process.env),
  };
}

/** The first column of every line but the first. Spaces and the like are written as octal digits there. */
function swapsIn(table: string): readonly string[] {
  const [, ...lines] = table.trim().split("\n");
  return lines.map((line) => line.replace(/\s.*$/, ""));
}

/** Compressed memory as a swap device, unless what it holds goes on to a disk. */
function isInMemory(device: string): boolean {
  const name = basename(device);
  return /^zram\d+$/.test(name) && read(`/sys/block/${name}/backing_dev`).trim() === "none";
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
