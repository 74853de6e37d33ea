/**
 * Locks on real files: an SQLite database in which a write is begun and never ended.
 *
 * SQLite takes a POSIX lock, which the kernel drops when the process dies, and keeps its own table of what this process
 * holds, so that a second acquire inside the process is refused too. Nothing is ever written: with the journal in memory the
 * lock file stays empty and has no side files.
 *
 * A lock file that was removed under its holder still counts: whoever makes the file anew looks for a process that has
 * the removed one open. Each opens before it looks, so of two that come at once at least one sees the other.
 */
import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "#runtime/clock.ts";
import type { Held, LockBroken, Locks } from "#runtime/lock/lock.ts";
import { pollLock } from "#runtime/lock/poll-lock.ts";

/** SQLite's own codes for "somebody else holds it": SQLITE_BUSY and SQLITE_LOCKED, without their extensions. */
const BUSY = 5;
const LOCKED = 6;

export function fileLocks(clock: Clock): Locks {
  return { acquire: (path, { waitMs }) => pollLock(path, waitMs, clock, () => lockFile(path)) };
}

function lockFile(path: string): Held | LockBroken | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // One that excludes readers would have to wait for them: of two who ask at once neither would have it.
    database.exec("PRAGMA journal_mode=MEMORY; BEGIN IMMEDIATE");
    // Of a file that may only be read everybody would have the lock: what is begun there takes no write.
    database.exec("PRAGMA user_version=1");
    if (isHeldThoughRemoved(realpathSync(path))) {
      database.close();
      return undefined;
    }
  } catch (error) {
    database?.close();
    if (isTaken(error)) return undefined;
    return { code: "lock.broken", path, cause: error instanceof Error ? error.message : String(error) };
  }
  const held = database;
  return {
    release: () => {
      if (held.isOpen) held.close();
    },
  };
}

function isTaken(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return false;
  const primary = Number(error.errcode) & 0xff;
  return primary === BUSY || primary === LOCKED;
}

/** Says the kernel of an open file that has lost its name. */
const REMOVED = " (deleted)";

/** Whether another Node of this user, or for root of anybody, has a removed file of that name open. */
function isHeldThoughRemoved(path: string): boolean {
  const own = String(process.pid);
  return namesIn("/proc").some((pid) => {
    if (pid === own || !/^\d+$/.test(pid) || !isNode(pid)) return false;
    return namesIn(`/proc/${pid}/fd`).some((fd) => targetOf(`/proc/${pid}/fd/${fd}`) === `${path}${REMOVED}`);
  });
}

/** Looking at the open files of every process on a large machine takes long. */
function isNode(pid: string): boolean {
  const program = targetOf(`/proc/${pid}/exe`);
  return program !== undefined && basename(program.replace(REMOVED, "")) === basename(process.execPath);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // It has ended, or is somebody else's.
  }
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
