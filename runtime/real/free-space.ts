/**
 * How much this process can still write. Everywhere it is what the system calls available; the ext file systems keep a part
 * back for root (5 % by default), which somebody else of root's may have filled them up to.
 */
import { readFileSync, statfsSync } from "node:fs";

/** `EXT2_SUPER_MAGIC`, which ext3 and ext4 have too. */
const EXT = 0xef53;
/** Blocks that ext4 gives to nobody: one in 50, and this many at most. */
const EXT_BLOCKS_KEPT_MAX = 4096;

const isRoot = process.geteuid?.() === 0 && isOutsideOfContainers();

export function freeBytesIn(directory: string): number {
  const { bavail, bfree, blocks, bsize, type } = statfsSync(directory);
  if (!isRoot || type !== EXT) return bavail * bsize;
  return Math.max(bavail, bfree - Math.min(EXT_BLOCKS_KEPT_MAX, Math.ceil(blocks / 50))) * bsize;
}

/** The root of a container with users of its own is another one outside, for whom nothing is kept. */
function isOutsideOfContainers(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
  } catch {
    return false;
  }
}
