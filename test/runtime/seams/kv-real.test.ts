/** What only a real store can show: damaged files, a killed process, a disk that is full. Each in a process of its own. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { must } from "#runtime/errors.ts";
import type { Kv } from "#runtime/kv/kv.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createLmdbStores, KV_ROOM_BYTES_MIN, VERIFIED_PAIRS_MAX } from "#runtime/real/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { b, mapBytesMax, put } from "#test/runtime/seams/kv-suite.ts";

const nodeArguments = ["--input-type=module", "-e"];

/** Opens the store of the directory given, reads all of it and prints how that went. */
const reader = `
  import { realClock } from "#runtime/real/clock.ts";
  import { createLmdbStores } from "#runtime/real/kv.ts";
  const opened = await createLmdbStores(realClock).open(process.argv[1], { mapBytesMax: ${mapBytesMax} });
  if (!opened.ok) console.log(opened.failure.code);
  else {
    const pairs = opened.value.range(new Uint8Array(0), new Uint8Array(512).fill(255), 1e9);
    console.log("ok", pairs.length);
    await opened.value.close();
  }
`;

function readInProcess(directory: string): string {
  const { stdout, status, signal } = spawnSync(process.execPath, [...nodeArguments, reader, directory], {
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : `died: ${status ?? signal}`;
}

async function fill(directory: string): Promise<void> {
  const kv = must(await createLmdbStores(realClock).open(directory, { mapBytesMax }), "opening");
  for (let batch = 0; batch < 4; batch += 1) {
    await kv.batch(Array.from({ length: 1000 }, () => put(randomBytes(32), randomBytes(48))));
  }
  await kv.flush();
  await kv.close();
}

type Damage = (path: string) => Promise<void>;

function overwrite(at: number, bytes: Uint8Array): Damage {
  return async (path) => {
    const file = await fs.open(path, "r+");
    await file.write(bytes, 0, bytes.length, at);
    await file.close();
  };
}

function truncate(sizeBytes: (size: number) => number): Damage {
  return async (path) => fs.truncate(path, sizeBytes((await fs.stat(path)).size));
}

async function writeFindable(directory: string): Promise<void> {
  const kv = must(await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB }), "opening");
  await kv.batch([put(Buffer.from("key to be found"), Buffer.from("value to be found"))]);
  await kv.close();
}

/** Wherever `text` is in the file, which stays mapped where it is. */
async function turnBytes(directory: string, text: string): Promise<void> {
  const path = `${directory}/store.lmdb`;
  const bytes = await fs.readFile(path);
  const file = await fs.open(path, "r+");
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) await file.write("V", at);
  await file.close();
}

describe("kv (lmdb): open", () => {
  const page = 4096;
  const broken: Readonly<Record<string, Damage>> = {
    "that holds something else": (path) => fs.writeFile(path, randomBytes(100_000)),
    "of a few bytes": (path) => fs.writeFile(path, "hello"),
    "cut in half": truncate((size) => Math.floor(size / 2)),
    "cut to its header": truncate(() => 2 * page),
    "cut by a page": truncate((size) => size - page),
    "with a header of zeros": overwrite(0, new Uint8Array(2 * page)),
    "with its second header page overwritten": overwrite(page, randomBytes(page)),
    "with garbage between its headers": overwrite(page / 2, randomBytes(page / 2)),
    "of another version": overwrite(28, b(9, 0, 0, 0)),
    "with pages of zeros": overwrite(2 * page, new Uint8Array(50 * page)),
  };

  for (const [name, damage] of Object.entries(broken)) {
    test(`a file ${name} is kv.broken, and the process lives`, async (context) => {
      const directory = await tempDirectory(context);
      await fill(directory);
      assert.equal(readInProcess(directory), "ok 4000");

      await damage(`${directory}/store.lmdb`);

      assert.equal(readInProcess(directory), "kv.broken");
    });
  }

  test("pages of garbage may end processes that open them, but no more than two", async (context) => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const directory = await tempDirectory(context);
      await fill(directory);
      await overwrite(2 * page, seededRandom(seed).bytes(50 * page))(`${directory}/store.lmdb`);

      const first = readInProcess(directory);
      const second = readInProcess(directory);
      const third = readInProcess(directory);

      for (const one of [first, second]) assert.match(one, /^(kv\.broken|died: SIG(ABRT|SEGV|BUS))$/);
      assert.equal(third, "kv.broken");
    }
  });

  test("the mark of an opening is gone when it has ended, well or not", async (context) => {
    const directory = await tempDirectory(context);
    await fill(directory);
    assert.equal((await fs.readdir(directory)).includes("opening"), false);

    // Once a process may have been killed in it, twice is no accident.
    await fs.writeFile(`${directory}/opening`, "o");
    assert.equal(readInProcess(directory), "ok 4000");
    await fs.writeFile(`${directory}/opening`, "oo");
    assert.equal(readInProcess(directory), "kv.broken");
  });

  for (const what of ["a key", "a value"]) {
    test(`a store of which a byte of ${what} has turned is broken`, async (context) => {
      const directory = await tempDirectory(context);
      await writeFindable(directory);

      await turnBytes(directory, what === "a key" ? "key to be found" : "value to be found");

      assert.equal(readInProcess(directory), "kv.broken");
    });
  }

  test("a large store is read as a whole where it was not closed twice in a row, and else is not", async (context) => {
    const directory = await tempDirectory(context);
    const kv = must(await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB }), "opening");
    for (let from = 0; from <= VERIFIED_PAIRS_MAX; from += 20_000) {
      await kv.batch(Array.from({ length: 20_000 }, (_, at) => put(Buffer.from(`${from + at}`), b(1))));
    }
    await kv.close();
    await writeFindable(directory);
    await turnBytes(directory, "key to be found");

    for (const unclosed of ["", "u"]) {
      await fs.writeFile(`${directory}/in-use`, unclosed);
      const trusted = must(
        await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB }),
        "it is not read",
      );
      assert(trusted.count() > VERIFIED_PAIRS_MAX);
      assert.equal((await fs.readFile(`${directory}/in-use`, "utf8")).length, unclosed.length + 1);
      await trusted.close();
      assert.equal((await fs.readdir(directory)).includes("in-use"), false);
    }
    await fs.writeFile(`${directory}/in-use`, "uu");
    const looked = await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB });
    assert(!looked.ok && looked.failure.code === "kv.broken");
  });

  test("a store that four processes in a row have not closed is kv.broken, though every pair of it can be read", async (context) => {
    const directory = await tempDirectory(context);
    await fill(directory);

    await fs.writeFile(`${directory}/in-use`, "uuu");
    const third = must(
      await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB }),
      "three are no reason",
    );
    await third.close();
    await fs.writeFile(`${directory}/in-use`, "uuuu");
    const fourth = await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB });
    assert(!fourth.ok && fourth.failure.code === "kv.broken");
  });

  test("an empty file is an empty store; a damaged lock file is made anew", async (context) => {
    const directory = await tempDirectory(context);
    await fill(directory);

    await fs.writeFile(`${directory}/store.lmdb-lock`, randomBytes(9000));
    assert.equal(readInProcess(directory), "ok 4000");
    await fs.writeFile(`${directory}/store.lmdb`, "");
    assert.equal(readInProcess(directory), "ok 0");
  });

  test("a directory that cannot hold a store is kv.broken", async (context) => {
    const directory = await tempDirectory(context);
    await fs.writeFile(`${directory}/file`, "");
    await fs.mkdir(`${directory}/one/store.lmdb`, { recursive: true });
    await fs.mkdir(`${directory}/two/store.lmdb-lock`, { recursive: true });

    const outcomes = ["file", "one", "two"].map((name) => readInProcess(`${directory}/${name}`));

    assert.deepEqual(outcomes, ["kv.broken", "kv.broken", "kv.broken"]);
  });

  test("a store opens again in the process that closed and removed it", async (context) => {
    const directory = `${await tempDirectory(context)}/index`;
    const stores = createLmdbStores(realClock);
    for (let round = 0; round < 3; round += 1) {
      const kv = must(await stores.open(directory, { mapBytesMax }), "opening");
      assert.equal(kv.count(), 0);
      await kv.batch([put(b(1), b(round))]);
      await kv.close();
      await fs.rm(directory, { recursive: true });
    }
  });
});

describe("kv (lmdb): batch", () => {
  test("after kill -9 every batch is whole, in order, and all that settled are there", async (context) => {
    const directory = await tempDirectory(context);
    const writer = `
      import { realClock } from "#runtime/real/clock.ts";
      import { createLmdbStores } from "#runtime/real/kv.ts";
      const kv = (await createLmdbStores(realClock).open(process.argv[1], { mapBytesMax: ${mapBytesMax} })).value;
      const keyOf = (kind, index) => new Uint8Array([kind, index >> 16, index >> 8, index]);
      const value = new Uint8Array(300);
      const next = async (index) => {
        await kv.batch([1, 2, 3].map((kind) => ({ key: keyOf(kind, index), value })));
        console.log(index);
      };
      for (let index = kv.count() / 3; ; index += 4) await Promise.all([0, 1, 2, 3].map((more) => next(index + more)));
    `;
    const keysOf = (kv: Kv, kind: number): readonly number[] =>
      kv.range(b(kind), b(kind + 1), 1_000_000).map(({ key }) => Buffer.from(key).readUIntBE(1, 3));

    let settled = -1;
    for (const killAfter of [1, 40, 150, 400]) {
      const child = spawn(process.execPath, [...nodeArguments, writer, directory]);
      let lines = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        settled = Number(line);
        lines += 1;
        if (lines === killAfter) child.kill("SIGKILL");
      }
      if (child.signalCode === null) await once(child, "exit");
      assert.equal(child.signalCode, "SIGKILL");

      const kv = must(await createLmdbStores(realClock).open(directory, { mapBytesMax }), "opening after the kill");
      const keys = keysOf(kv, 1);
      assert.deepEqual(
        keys,
        keys.map((_, index) => index),
      );
      assert.deepEqual([keysOf(kv, 2), keysOf(kv, 3)], [keys, keys]);
      assert.ok(keys.length > settled, "what settled is there");
      await kv.close();
    }
  });

  test("a file that cannot grow refuses the batch whole, reads go on, and it can be closed", async (context) => {
    const directory = await tempDirectory(context);
    const script = `
      import { realClock } from "#runtime/real/clock.ts";
      import { createLmdbStores } from "#runtime/real/kv.ts";
      const kv = (await createLmdbStores(realClock).open(process.argv[1], { mapBytesMax: ${mapBytesMax} })).value;
      let written = 0;
      const put = (index) => kv.batch([0, 1].map((part) => ({ key: new Uint8Array([index, part]), value: new Uint8Array(50_000) })));
      let refusal = "none";
      try { for (; written < 200; written += 1) await put(written); } catch (error) { refusal = error.message; }
      const missing = kv.get(new Uint8Array([written, 0]));
      const kept = kv.get(new Uint8Array([written - 1, 1]))?.length;
      const whole = kv.count() === 2 * written;
      const tooLong = new Promise((resolve) => setTimeout(resolve, 5000, false));
      const closed = await Promise.race([kv.close().then(() => true), tooLong]);
      console.log(JSON.stringify({ refusal, whole, missing: missing ?? null, kept, closed }));
      process.exit(0);
    `;

    const limited = `ulimit -f 6000; exec "$0" ${nodeArguments.join(" ")} "$1" "$2"`;
    const { stdout, status } = spawnSync("sh", ["-c", limited, process.execPath, script, directory], {
      encoding: "utf8",
    });

    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), {
      refusal: "kv: the commit failed (EIO), as on a full disk",
      whole: true,
      missing: null,
      kept: 50_000,
      closed: true,
    });
    assert.match(readInProcess(directory), /^ok \d+$/);
  });

  const skip = spawnSync("strace", ["-V"]).status === 0 ? false : "there is no strace on this machine";

  test("a batch that is refused says why, where the system does", { skip }, async (context) => {
    const directory = await tempDirectory(context);
    const script = `
      import { realClock } from "#runtime/real/clock.ts";
      import { createLmdbStores } from "#runtime/real/kv.ts";
      const kv = (await createLmdbStores(realClock).open(process.argv[1], { mapBytesMax: ${mapBytesMax} })).value;
      const put = (index) => kv.batch([{ key: new Uint8Array([index]), value: new Uint8Array(60_000) }]);
      let refusal = "none";
      for (let index = 0; index < 20 && refusal === "none"; index += 1) await put(index).catch(({ message }) => { refusal = message; });
      console.log(refusal);
      process.exit(0);
    `;
    const inject = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=pwrite64:error=EROFS:when=4+"];

    const ran = spawnSync("strace", [...inject, process.execPath, ...nodeArguments, script, directory], {
      encoding: "utf8",
      env: { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_DISABLE_COMPILE_CACHE: "1" },
      timeout: 30_000,
    });

    assert.equal(ran.stdout, "kv: the commit failed (EROFS)\n", ran.stderr);
  });

  test("whatever write or sync the disk refuses, nobody waits for ever, and what settled is there", {
    skip,
  }, async (context) => {
    const root = await tempDirectory(context);
    const script = `
      import { realClock } from "#runtime/real/clock.ts";
      import { createLmdbStores } from "#runtime/real/kv.ts";
      const kv = (await createLmdbStores(realClock).open(process.argv[1], { mapBytesMax: ${mapBytesMax} })).value;
      const put = async (index) => {
        const settled = kv.batch([{ key: new Uint8Array([index]), value: new Uint8Array(100) }]);
        console.log(await settled.then(() => "settled", () => "refused"), index);
      };
      for (const index of [1, 2, 3]) await put(index);
      await kv.flush();
      await Promise.all([4, 5, 6].map(put));
      await kv.flush();
      await kv.close();
      console.log("closed");
    `;
    const seen = { one: 0, header: 0, died: 0 };
    // Not the first write of all: it makes the file, and the library ends the process if it fails.
    for (const [call, calls] of [
      ["pwrite64", 8],
      ["fdatasync", 5],
    ] as const) {
      for (const error of ["EIO", "ENOSPC"]) {
        for (let when = 2; when <= calls; when += 1) {
          const directory = `${root}/${call}-${error}-${when}`;
          const inject = ["-f", "-qq", "-o", "/dev/null", "-e", `inject=${call}:error=${error}:when=${when}`];
          const ran = spawnSync("strace", [...inject, process.execPath, ...nodeArguments, script, directory], {
            encoding: "utf8",
            env: { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_DISABLE_COMPILE_CACHE: "1" },
            timeout: 30_000,
          });
          const told = `${call} ${error} ${when}: ${ran.stdout}${ran.stderr}`;
          const settled = [...ran.stdout.matchAll(/settled (\d)/g)].map(([, index]) => Number(index));
          const refused = [...ran.stdout.matchAll(/refused (\d)/g)];
          assert.notEqual(ran.signal, "SIGTERM", `somebody waits for ever: ${told}`);
          // A page that cannot be written damages the library's own memory, which may end the process.
          const died = !ran.stdout.endsWith("closed\n");
          if (!died) assert.ok(refused.length > 0 && settled.length + refused.length === 6, told);

          const opened = await createLmdbStores(realClock).open(directory, { mapBytesMax });
          // A header that was refused may be half of one: then the owner throws the store away.
          if (!opened.ok) assert.ok(opened.failure.code === "kv.broken" && refused.length > 1, told);
          else {
            const held = new Set(opened.value.range(b(0), b(255), 10).map(({ key }) => key[0]));
            for (const index of settled) assert.ok(held.has(index), told);
            if (!died) assert.equal(held.size, settled.length, told);
            await opened.value.close();
          }
          seen[died ? "died" : refused.length === 1 ? "one" : "header"] += 1;
        }
      }
    }
    assert.ok(seen.one > 0 && seen.header > 0, JSON.stringify(seen));
    context.diagnostic(JSON.stringify(seen));
  });

  test("a value of which a byte turns while the store is open is not served", async (context) => {
    const directory = await tempDirectory(context);
    await writeFindable(directory);
    const kv = must(await createLmdbStores(realClock).open(directory, { mapBytesMax }), "it opens");

    await turnBytes(directory, "value to be found");

    assert.throws(() => kv.get(Buffer.from("key to be found")), /not what was put/);
    assert.throws(() => kv.range(b(1), b(255), 10), /not what was put/);
    await kv.batch([put(Buffer.from("key to be found"), b(1))]);
    assert.deepEqual(kv.get(Buffer.from("key to be found")), b(1));
    await kv.close();
  });

  test("a disk without enough inodes for a new store is full, and takes it later", async (context) => {
    const directory = await tempDirectory(context);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m,nr_inodes=20", "tmpfs", directory]);
    try {
      const outcomes: string[] = [];
      for (let left = 0; left <= 6; left += 1) {
        const made: string[] = [];
        for (let { ffree } = await fs.statfs(directory); ffree > left; ffree = (await fs.statfs(directory)).ffree) {
          made.push(`${directory}/ballast-${left}-${made.length}`);
          await fs.writeFile(made.at(-1) ?? "", "");
        }
        const refused = await createLmdbStores(realClock).open(`${directory}/kv`, { mapBytesMax });
        outcomes.push(refused.ok ? "ok" : refused.failure.code);
        if (refused.ok) await refused.value.close();
        for (const path of made) await fs.rm(path);
        const kv = must(
          await createLmdbStores(realClock).open(`${directory}/kv`, { mapBytesMax }),
          "it opens with room",
        );
        await kv.batch([put(b(97), b(1))]);
        await kv.close();
        await fs.rm(`${directory}/kv`, { recursive: true });
      }

      assert.deepEqual(outcomes.toSorted(), outcomes, "full, and then ok");
      assert.deepEqual([outcomes[0], outcomes.at(-1)], ["kv.full", "ok"]);
      assert(!outcomes.includes("kv.broken"), outcomes.join(" "));
    } finally {
      execFileSync("umount", ["-l", directory]);
    }
  });

  test("a disk with less room than a commit may take refuses it before LMDB is asked, and takes it later", async (context) => {
    const directory = await tempDirectory(context);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", directory]);
    try {
      const kv = must(await createLmdbStores(realClock).open(`${directory}/kv`, { mapBytesMax }), "a store opens");
      const small = [put(b(97), b(1))];
      await kv.batch(small);
      const { bavail, bsize } = await fs.statfs(directory);
      const roomBytes = KV_ROOM_BYTES_MIN + 4096 + 2 * 2;
      // One page too many.
      await fs.writeFile(`${directory}/ballast`, Buffer.alloc(bavail * bsize - roomBytes + 4096));

      await assert.rejects(kv.batch([put(b(98), b(2))]), { message: "kv: the disk has no room for the commit" });
      assert.equal(kv.get(b(98)), undefined);
      await fs.truncate(`${directory}/ballast`, 0);
      await kv.batch([put(b(98), b(2))]);

      assert.equal(kv.count(), 2);
      await kv.close();
    } finally {
      execFileSync("umount", ["-l", directory]);
    }
  });
});
