/**
 * The key that names are signed with: Ed25519, in a PEM file (PKCS #8) that only its owner can read. It is made where it is
 * first wanted, and no node ever sees it.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { closeSync, fstatSync, linkSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { note } from "#cli/console.ts";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { ANSWER_TIMEOUT_MS } from "#cli/http.ts";
import { isLockable } from "#cli/lock-file.ts";
import { writeOwn } from "#cli/own-file.ts";
import type { NameSigner } from "#client/name-record.ts";
import { fail, ok } from "#runtime/errors.ts";
import { type Held, LOCK_POLL_MS } from "#runtime/lock/lock.ts";
import { realClock } from "#runtime/real/clock.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { ensurePrivateDirectory, ownUserId } from "#runtime/real/private-directory.ts";
import { second } from "#runtime/units.ts";

/** Longest wait for others that set names with the same key, ms: longer than one of them waits for the node. */
export const KEY_WAIT_MS: number = ANSWER_TIMEOUT_MS + 5 * second;
/** The same for every command of the user, whatever `TMPDIR` is for it. */
const LOCKS = `/tmp/cepa-names-${ownUserId()}`;

/** Where the key is without `--key`. */
export function defaultKeyFile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env["XDG_CONFIG_HOME"];
  return join(given === undefined || given === "" ? join(homedir(), ".config") : given, "cepa", "name.key");
}

/** The signer of the key in `file`, or undefined where there is none. */
export function readSigner(file: string): Outcome<NameSigner | undefined> {
  try {
    const descriptor = openSync(file, "r");
    try {
      if ((fstatSync(descriptor).mode & 0o077) !== 0) {
        return badKey(file, "other users may read or write it: chmod 600 it, and take another key if they have");
      }
      const key = createPrivateKey(readFileSync(descriptor));
      return key.asymmetricKeyType === "ed25519" ? ok(signerOf(key)) : badKey(file, "it is no Ed25519 key");
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? ok(undefined) : badKey(file, reasonOf(error));
  }
}

/** The same, with a new key where there is none, which is told. */
export function obtainSigner(file: string, json?: boolean): Outcome<NameSigner> {
  const known = readSigner(file);
  if (!known.ok) return known;
  if (known.value !== undefined) return ok(known.value);
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Never over another key.
    writeOwn(file, privateKey.export({ format: "pem", type: "pkcs8" }).toString(), linkSync);
  } catch (error) {
    // Another one has made it meanwhile, and tells of it.
    const made = errnoOf(error) === "EEXIST" ? readSigner(file) : known;
    if (!made.ok) return made;
    return made.value === undefined ? badKey(file, reasonOf(error)) : ok(made.value);
  }
  note(`made a key for your names: ${file}`, json);
  note("keep a copy of it and show it to nobody: whoever has it owns them, and without it they stay as they are", json);
  return ok(signerOf(privateKey));
}

/**
 * One at a time on this machine, of this user, whatever file the key is in. Others may write beside `directory`: they could
 * make it first, with a lock that lets two in or none.
 */
export async function lockKey(publicKey: string, directory: string = LOCKS): Promise<Outcome<Held>> {
  const path = join(directory, `${publicKey.slice(0, 32)}.lock`);
  const inUse = (why: string) => {
    return fail({ code: "cli.key-in-use", message: `one name is set with a key at a time (${path}): ${why}` });
  };
  const own = ensurePrivateDirectory(directory);
  if (!own.ok) return inUse(`${directory} is not this user's alone: ${own.failure.cause}`);
  if (!(await isLockable(path, ownUserId()))) return inUse("something else than a lock is in the way");
  const locks = fileLocks(realClock);
  const sinceMs = realClock.nowMs();
  for (;;) {
    const locked = await locks.acquire(path, { waitMs: 0 });
    if (locked.ok) return locked;
    const isTaken = locked.failure.code === "lock.taken";
    if (isTaken && realClock.nowMs() - sinceMs < KEY_WAIT_MS) {
      // One of the clock's own would not keep the process alive.
      await pause(LOCK_POLL_MS);
      continue;
    }
    return inUse(isTaken ? `another one has it for ${KEY_WAIT_MS / second} s` : locked.failure.cause);
  }
}

function signerOf(key: KeyObject): NameSigner {
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
  return { publicKey, sign: async (bytes) => sign(null, bytes, key) };
}

function badKey(file: string, why: string): Outcome<never> {
  return fail({ code: "cli.bad-key", message: `the key in ${file} cannot be used: ${why}` });
}
