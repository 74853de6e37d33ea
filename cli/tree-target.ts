/**
 * What `cepa get -r` does to a directory, one name at a time.
 *
 * Every path given here is a directory that was entered with `enterDirectory` and one more component, so nothing on the
 * way to it is a link. Only a file gives way to a file, and a link to a link.
 */
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readlink, rename, symlink, unlink } from "node:fs/promises";
import { startDigest } from "#cli/digest.ts";
import { errnoOf, type Outcome } from "#cli/failure.ts";
import { unwritable } from "#cli/target.ts";
import type { ContentEntry } from "#client/tree.ts";
import { fail, ok } from "#runtime/errors.ts";

const OWNER_ONLY = 0o700;
const MODE_BITS = 0o7777;

/**
 * A directory is there from now on, and its owner may work in it until it gets its mode. One that was there keeps the bits
 * in `keptBits` until then, as others may be reading in it.
 */
export async function enterDirectory(path: string, keptBits: number = MODE_BITS): Promise<Outcome> {
  try {
    if (await makeDirectory(path)) return ok();
    const found = await kindAt(path);
    if (found !== undefined && found !== "directory") return inTheWay(path, found);
    const mode = (await lstat(path)).mode & MODE_BITS;
    const needed = (mode & keptBits) | OWNER_ONLY;
    if (needed !== mode) await chmod(path, needed);
    return ok();
  } catch (error) {
    return unwritable(error, path);
  }
}

/** A link that is there and leads elsewhere is replaced. */
export async function makeLink(path: string, target: string): Promise<Outcome> {
  try {
    const found = await kindAt(path);
    if (found !== undefined && found !== "link") return inTheWay(path, found);
    if (found === "link") {
      if ((await readlink(path)) === target) return ok();
      await unlink(path);
    }
    await symlink(target, path);
    return ok();
  } catch (error) {
    return unwritable(error, path);
  }
}

/** Whether the file is there as the tree says, but for its mode. What is no file is in the way. */
export async function holdsFile(path: string, { size, address }: ContentEntry): Promise<Outcome<boolean>> {
  try {
    const found = await kindAt(path);
    if (found === undefined) return ok(false);
    if (found !== "file") return inTheWay(path, found);
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if ((await handle.stat()).size !== size) return ok(false);
      const digest = startDigest();
      for await (const chunk of handle.createReadStream({ autoClose: false })) digest.update(chunk);
      return ok(digest.address() === address);
    } finally {
      await handle.close();
    }
  } catch (error) {
    // What cannot be read may still be replaced.
    return errnoOf(error) === "EACCES" ? ok(false) : unwritable(error, path);
  }
}

/** `part` takes the name, in one step. */
export async function moveInto(part: string, path: string): Promise<Outcome> {
  try {
    await rename(part, path);
    return ok();
  } catch (error) {
    return unwritable(error, path);
  }
}

/** Of a file or a directory, never of what a link leads to: it has been looked at. */
export async function setMode(path: string, mode: number): Promise<Outcome> {
  try {
    await chmod(path, mode);
    return ok();
  } catch (error) {
    return unwritable(error, path);
  }
}

/** False where something is there. It is made before it is looked for: another process may make it in between. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, OWNER_ONLY);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function kindAt(path: string): Promise<"file" | "directory" | "link" | "something else" | undefined> {
  try {
    const facts = await lstat(path);
    if (facts.isSymbolicLink()) return "link";
    if (facts.isDirectory()) return "directory";
    return facts.isFile() ? "file" : "something else";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function inTheWay(path: string, found: string): Outcome<never> {
  return fail({ code: "cli.file-exists", message: `${path}: a ${found} is in the way` });
}
