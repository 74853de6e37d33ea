/**
 * The key of names, made by two at once, and its lock, where somebody else has made something first. The other one is faked:
 * it is done between this one's look and its own try.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import fs, {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it, mock } from "node:test";
import { lockKey, obtainSigner, readSigner } from "#cli/name-key.ts";

const directory = mkdtempSync(join(tmpdir(), "cepa-key-"));
after(() => rmSync(directory, { recursive: true }));

/** Runs before the key takes its name. */
function beforeTheName(other: (file: string) => void): void {
  const link = fs.linkSync;
  mock.method(fs, "linkSync", (part: string, file: string) => {
    other(file);
    link(part, file);
  });
  syncBuiltinESMExports();
}

describe("cli: the key of names, where another command makes it too", () => {
  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  it("is the one that was there first", () => {
    const file = join(directory, "name.key");
    const { privateKey } = generateKeyPairSync("ed25519");
    beforeTheName(() => writeFileSync(file, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 }));

    const obtained = obtainSigner(file);

    const there = readSigner(file);
    assert(obtained.ok && there.ok);
    assert.equal(obtained.value.publicKey, there.value?.publicKey);
  });

  it("is not usable where what is there is none", () => {
    const file = join(directory, "other.key");
    beforeTheName(() => writeFileSync(file, "no key", { mode: 0o600 }));

    const obtained = obtainSigner(file);

    assert(!obtained.ok);
    assert.equal(obtained.failure.code, "cli.bad-key");
    assert.doesNotMatch(obtained.failure.message, /EEXIST/);
  });
});

describe("cli: the lock of a key", () => {
  const key = randomBytes(32).toString("hex");
  const lockName = `${key.slice(0, 32)}.lock`;

  async function told(locks: string): Promise<string> {
    const locked = await lockKey(key, locks);
    if (locked.ok) locked.value.release();
    return locked.ok ? "has it" : `${locked.failure.code}: ${locked.failure.message}`;
  }

  function folder(name: string): string {
    const path = join(directory, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  it("is in a directory of its user's own", async () => {
    const locks = `/tmp/cepa-names-${process.getuid?.()}`;

    const locked = await lockKey(key);
    const { mode, uid } = lstatSync(locks);
    const isThere = lstatSync(join(locks, lockName)).isFile();
    if (locked.ok) locked.value.release();
    rmSync(join(locks, lockName));

    assert.deepEqual([locked.ok, isThere, mode & 0o7777, uid], [true, true, 0o700, process.getuid?.()]);
  });

  it("is not taken in a directory that somebody else may enter, may have made, or that is none", async () => {
    const open = folder("open");
    chmodSync(open, 0o755);
    const linked = join(directory, "linked");
    symlinkSync(folder("behind"), linked);
    const file = join(directory, "file");
    writeFileSync(file, "");
    const wrong: [locks: string, why: RegExp][] = [
      [open, /open is not this user's alone: its mode is 755, not 700$/],
      [linked, /linked is not this user's alone: it is no directory$/],
      [file, /file is not this user's alone: it is no directory$/],
    ];
    if (process.getuid?.() === 0) {
      const foreign = folder("foreign");
      chownSync(foreign, 7, 7);
      wrong.push([foreign, /foreign is not this user's alone: it belongs to user 7$/]);
    }

    for (const [locks, why] of wrong) {
      const said = await told(locks);
      assert.match(said, /^cli\.key-in-use: one name is set with a key at a time /);
      assert.match(said, why);
    }

    assert.deepEqual([readdirSync(open), readdirSync(join(directory, "behind"))], [[], []]);
  });

  it("is not opened where something else is in its place, which stays as it is", async () => {
    const locks = folder("locks");
    const path = join(locks, lockName);
    const inTheWay = /^cli\.key-in-use: .*: something else than a lock is in the way$/;

    symlinkSync(join(locks, "elsewhere"), path);
    assert.match(await told(locks), inTheWay);
    assert.deepEqual(readdirSync(locks), [lockName]);
    rmSync(path);
    writeFileSync(path, "text");
    assert.match(await told(locks), inTheWay);
    assert.equal(readFileSync(path, "utf8"), "text");
    writeFileSync(path, "");
    assert.equal(await told(locks), "has it");
    if (process.getuid?.() !== 0) return;
    chownSync(path, 7, 7);
    assert.match(await told(locks), inTheWay);
  });
});
