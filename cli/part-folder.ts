/**
 * The folder in which files of a tree wait until they are whole, inside the directory that is filled. One command at a time
 * has it: two that wrote the same part would each compare what came to it, and rename what both have written. A tree that was
 * fetched before may have made what is found there.
 */
import { chmod, lstat, mkdir, opendir, realpath, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { startDigest } from "#cli/digest.ts";
import type { Outcome } from "#cli/failure.ts";
import { isLockable } from "#cli/lock-file.ts";
import { fileAt, unwritable } from "#cli/target.ts";
import { enterDirectory } from "#cli/tree-target.ts";
import { fail, ok } from "#runtime/errors.ts";
import type { Held } from "#runtime/lock/lock.ts";
import { realClock } from "#runtime/real/clock.ts";
import { fileLocks } from "#runtime/real/lock.ts";

const OWNER_ONLY = 0o700;
/** Of the mode that a folder of parts had: a tree may have made it. */
const NO_BITS = 0;
/** No name of a part: those are digests. */
const LOCK_NAME = "lock";
const PREFIX = ".cepa-part-";
const FOLDER_NAME = /^\.cepa-part-[0-9a-f]{16}$/;
const BY_ANOTHER = "another cepa get -r is at it, wait until it has ended";

export interface PartFolder {
  /** The directory that is filled; no link leads to it. */
  readonly root: string;
  /** A name that fits whatever `inner` is, the path in the tree, and is the same when the get is repeated. */
  partOf(inner: string): string;
  /**
   * It and what is in it is gone, the lock first: the directory must be full, whoever comes then needs no part. So are those of
   * other trees in the directory, but for what another command is at, and for what `isOfTree`: a tree may name anything.
   */
  remove(isOfTree: (path: string) => boolean): Promise<Outcome>;
  /** For the next command; a process that ends does it too. */
  release(): void;
}

/**
 * The folder of the tree at `address` in `output`, with what earlier gets have left in it. Both are made where they are not, for
 * their owner alone.
 */
export async function takePartFolder(output: string, address: string): Promise<Outcome<PartFolder>> {
  try {
    const made = await mkdir(output, { recursive: true });
    const root = await realpath(output);
    // No tree says who may enter the directory that it is of, whose owner may have closed it.
    if (made !== undefined) await chmod(root, OWNER_ONLY);
    const path = join(root, `${PREFIX}${address.slice(3, 19)}`);
    const locked = await enterAndLock(path);
    if (!locked.ok) return locked;
    return ok({
      root,
      partOf: (inner) => {
        const digest = startDigest();
        digest.update(Buffer.from(inner));
        return join(path, digest.address().slice(3));
      },
      remove: async (isOfTree) => {
        // On NFS a file that is open would stay, under another name.
        locked.value.release();
        const removed = await removeFolder(path);
        if (removed.ok) await removeOthers(root, isOfTree);
        return removed;
      },
      release: () => locked.value.release(),
    });
  } catch (error) {
    return unwritable(error, output);
  }
}

/** Whether it is one that was made here, of whatever tree: a directory of that name, with a lock in it. */
export async function isPartFolder(path: string): Promise<boolean> {
  if (!FOLDER_NAME.test(basename(path))) return false;
  try {
    const lock = await lstat(join(path, LOCK_NAME));
    return (await lstat(path)).isDirectory() && lock.isFile() && lock.size === 0;
  } catch {
    return false; // What is not there, or cannot be looked at, is none.
  }
}

/**
 * Who has filled the directory takes the folder away from under those who come: what was there a moment ago may be missing at
 * each step. Throws what the disk refuses.
 */
async function enterAndLock(path: string): Promise<Outcome<Held>> {
  // One that was taken away is made the second time; what refused the first refuses again.
  const first = await enterDirectory(path, NO_BITS);
  const entered = first.ok ? first : await enterDirectory(path, NO_BITS);
  if (!entered.ok) return entered;
  const lock = join(path, LOCK_NAME);
  if (!(await isLockable(lock))) {
    return fail({ code: "cli.file-exists", message: `${lock}: something else than a lock is in the way` });
  }
  const locked = await fileLocks(realClock).acquire(lock, { waitMs: 0 });
  if (locked.ok) return locked;
  const found = await fileAt(path);
  const isByAnother = locked.failure.code === "lock.taken" || (found.ok && found.value === undefined);
  return inUse(path, isByAnother ? BY_ANOTHER : locked.failure.cause);
}

function inUse(path: string, why: string): Outcome<never> {
  const message = `a tree is fetched into a directory once at a time (${join(path, LOCK_NAME)}): ${why}`;
  return fail({ code: "cli.directory-in-use", message });
}

/** Nobody waits for them to go: what cannot be removed stays for the next get. */
async function removeOthers(root: string, isOfTree: (path: string) => boolean): Promise<void> {
  try {
    for await (const { name } of await opendir(root)) {
      const path = join(root, name);
      if (!(await isPartFolder(path)) || isOfTree(path)) continue;
      const locked = await enterAndLock(path);
      if (!locked.ok) continue;
      // The lock is held all the while: who comes has not filled the directory, and needs what it writes.
      await removeFolder(path);
      locked.value.release();
    }
  } catch {
    return; // A directory that may be written and not read.
  }
}

async function removeFolder(path: string): Promise<Outcome> {
  try {
    // Who comes meanwhile may make the lock anew, or be done with the folder first.
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    return ok();
  } catch (error) {
    return unwritable(error, path);
  }
}
