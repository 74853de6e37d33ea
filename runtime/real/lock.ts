/**
 * Locks on real files: an SQLite database whose exclusive transaction is begun and never ended.
 *
 * SQLite takes a POSIX lock, which the kernel drops when the process dies, and keeps its own table of what this process
 * holds, so that a second acquire inside the process is refused too. Nothing is ever written: with the journal in memory the
 * lock file stays empty and has no side files.
 */
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
    database.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
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
