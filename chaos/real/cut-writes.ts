/**
 * Writes of a process that runs, cut short by the system: a limit to the size of its files (RLIMIT_FSIZE), a little beyond the
 * end of the pack that it writes. A write across it takes what fits, and the rest is refused with `EFBIG`. What was cut is
 * counted by what `strace` sees; nothing is injected.
 *
 * Node ignores SIGXFSZ, which would end other processes here. A file that is larger than the limit already takes nothing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { TracedCalls } from "#chaos/real/traced-calls.ts";
import { Defect } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { KiB } from "#runtime/units.ts";

/** What the system says of the rest of a write that is cut so. */
export const CUT_ERRNO = "EFBIG";
/** The pack that is written may grow by less than this. */
const ROOM_BYTES: number = 16 * KiB;
/** Between two looks whether it is enough. What is cut until the next one is cut as well, and counts. */
const LOOK_MS = 50;

export class CutWrites {
  readonly #pid: number;
  readonly #traced: TracedCalls;
  readonly #looking: NodeJS.Timeout;
  #isLifted = false;

  private constructor(pid: number, traced: TracedCalls, count: number) {
    this.#pid = pid;
    this.#traced = traced;
    this.#looking = setInterval(() => {
      if (traced.seen(isCut) >= count) this.#lift();
    }, LOOK_MS);
  }

  /** Until `count` of them were cut, or it is released. Undefined where no pack is written. */
  static async of(pid: number, trace: string, random: Random, count: number): Promise<CutWrites | undefined> {
    const traced = await TracedCalls.watched(pid, trace);
    const sizeBytes = packBytes(pid);
    if (sizeBytes === undefined) {
      await traced.release();
      return undefined;
    }
    limit(pid, `${sizeBytes + 1 + random.below(ROOM_BYTES - 1)}`);
    return new CutWrites(pid, traced, count);
  }

  /** Answers with how many were cut. */
  async release(): Promise<number> {
    this.#lift();
    return await this.#traced.release(isCut);
  }

  #lift(): void {
    clearInterval(this.#looking);
    if (this.#isLifted) return;
    this.#isLifted = true;
    if (existsSync(`/proc/${this.#pid}`)) limit(this.#pid, "unlimited");
  }
}

/** A call that took something, and less than it was given. */
export function isCut(line: string): boolean {
  const [, call = "", taken = ""] = line.match(/^\d+ +(pwrite\w+\(.*\)) += (\d+)$/) ?? [];
  if (call === "") return false;
  const parts = [...call.matchAll(/iov_len=(\d+)/g)].map(([, length]) => Number(length));
  const [, length = "0"] = call.match(/, (\d+), \d+\)$/) ?? [];
  const given = call.startsWith("pwritev") ? parts.reduce((sum, part) => sum + part, 0) : Number(length);
  return Number(taken) > 0 && Number(taken) < given;
}

/** How large the pack is that the process has open and wrote last. */
function packBytes(pid: number): number | undefined {
  const folder = `/proc/${pid}/fd`;
  if (!existsSync(folder)) return undefined;
  const packs = readdirSync(folder).flatMap((name) => {
    const path = targetOf(join(folder, name));
    const facts = path?.endsWith(".pack") === true ? statSync(path, { throwIfNoEntry: false }) : undefined;
    return facts === undefined ? [] : [facts];
  });
  return packs.sort((one, other) => other.mtimeMs - one.mtimeMs)[0]?.size;
}

/** Undefined of one that was closed meanwhile. */
function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

/** The soft limit alone: who may lift the other one has no need to. */
function limit(pid: number, bytes: string): void {
  const { status, stderr } = spawnSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:`], { encoding: "utf8" });
  if (status !== 0 && existsSync(`/proc/${pid}`)) throw new Defect(`prlimit --fsize=${bytes}: ${stderr.trim()}`);
}
