/** What only a real disk can show: a full one, an unprivileged view, editors, other processes. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { describe, type TestContext, test } from "node:test";
import { must } from "#runtime/errors.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

/** Resolves at the next change of the file; `stop` ends the watch. */
function changes(path: string): { next: () => Promise<void>; stop: () => void } {
  const events = new EventTarget();
  const stop = createRealDisk().watch(path, () => void events.dispatchEvent(new Event("change")));
  return { next: async () => void (await once(events, "change")), stop };
}

describe("disk (real): file systems", () => {
  test("are told apart", async (context) => {
    const disk = createRealDisk();
    const one = must(await disk.space("/proc"), "the space of one");
    const other = must(await disk.space(await tempDirectory(context)), "the space of another");

    assert.notEqual(one.fileSystem, undefined);
    assert.notEqual(one.fileSystem, other.fileSystem);
  });
});

describe("disk (real): modes", () => {
  test("files and directories are for their owner alone", async (context) => {
    const directory = await tempDirectory(context);
    const disk = createRealDisk();

    must(await disk.makeDirectory(`${directory}/a/b`), "making");
    must(await disk.close(must(await disk.open(`${directory}/a/file`, "create"), "opening")), "closing");
    must(await disk.replaceFile(`${directory}/a/config`, new Uint8Array(1)), "replacing");

    const modeOf = async (path: string): Promise<string> => ((await fs.stat(path)).mode & 0o777).toString(8);
    const paths = ["a", "a/b", "a/file", "a/config"];
    assert.deepEqual(await Promise.all(paths.map((path) => modeOf(`${directory}/${path}`))), [
      "700",
      "700",
      "600",
      "600",
    ]);
  });
});

describe("disk (real): readFile", { timeout: 20_000 }, () => {
  test("refuses what is no regular file: a device without an end, a pipe without a writer", async (context) => {
    const disk = createRealDisk();
    const pipe = `${await tempDirectory(context)}/pipe`;
    execFileSync("mkfifo", [pipe]);

    for (const path of ["/dev/zero", pipe]) {
      assert.deepEqual(await disk.readFile(path), {
        ok: false,
        failure: { code: "disk.broken", path, errno: "ENOTSUP" },
      });
    }
  });
});

describe("disk (real): write", () => {
  test("a short write is continued, and the limit that ends it is a full disk", async (context) => {
    const directory = await tempDirectory(context);
    // The size limit of the process makes the system write a part, say so, and refuse the rest.
    const script = `
      import { createRealDisk } from "#runtime/real/disk.ts";
      const disk = createRealDisk();
      const { value: descriptor } = await disk.open(process.argv[1], "create");
      const parts = [new Uint8Array(300_000), new Uint8Array(300_000)];
      const first = await disk.write(descriptor, parts, 0);
      const single = await disk.write(descriptor, [new Uint8Array(600_000)], 0);
      const size = await disk.sizeBytes(descriptor);
      const small = await disk.write(descriptor, [new Uint8Array(10)], 0);
      console.log(JSON.stringify([first, single, size.value, small]));
    `;
    // The limit counts 512-byte blocks.
    const limited = 'ulimit -f 1000; exec "$0" --input-type=module -e "$1" "$2"';

    const { stdout, stderr } = spawnSync("sh", ["-c", limited, process.execPath, script, `${directory}/file`], {
      encoding: "utf8",
    });

    assert.equal(stderr, "");
    const full = { ok: false, failure: { code: "disk.full", path: `${directory}/file` } };
    assert.deepEqual(JSON.parse(stdout), [full, full, 512_000, { ok: true }]);
  });
});

describe("disk (real): watch", { timeout: 20_000 }, () => {
  const undoAfter = (context: TestContext, stop: () => void): void => context.after(stop);

  test("sees a file appear, change in place, be replaced by a rename, and go", async (context) => {
    const path = `${await tempDirectory(context)}/config.toml`;
    const { next, stop } = changes(path);
    undoAfter(context, stop);
    const seen = async (change: () => Promise<void>): Promise<void> => {
      const changed = next();
      await change();
      await changed;
    };

    await seen(() => fs.writeFile(path, "one"));
    await seen(() => fs.appendFile(path, "two"));
    for (const text of ["three", "four", "five"]) {
      await seen(async () => {
        await fs.writeFile(`${path}.swp`, text);
        await fs.rename(`${path}.swp`, path);
      });
    }
    await seen(() => fs.rm(path));
  });

  test("the last change is always told: what is read after the last call is the last contents", async (context) => {
    const path = `${await tempDirectory(context)}/config.toml`;
    let lastRead = "";
    const hasReadLast = Promise.withResolvers<void>();
    const stop = createRealDisk().watch(path, async () => {
      lastRead = await fs.readFile(path, "utf8").catch(() => "");
      if (lastRead === "199") hasReadLast.resolve();
    });
    undoAfter(context, stop);

    for (let round = 0; round < 200; round += 1) {
      await fs.writeFile(`${path}.new`, String(round));
      await fs.rename(`${path}.new`, path);
    }

    await hasReadLast.promise;
  });

  test("a directory that does not exist yet is found when it does", async (context) => {
    const directory = await tempDirectory(context);
    const { next, stop } = changes(`${directory}/later/config.toml`);
    undoAfter(context, stop);
    const changed = next();

    await fs.mkdir(`${directory}/later`);
    await fs.writeFile(`${directory}/later/config.toml`, "x");

    // The timer that looks again keeps nothing alive, so the test does.
    const alive = setInterval(() => undefined, 1000);
    await changed;
    clearInterval(alive);
  });

  test("a watch does not keep the process alive", async (context) => {
    const directory = await tempDirectory(context);
    const script = `
      import { createRealDisk } from "#runtime/real/disk.ts";
      createRealDisk().watch(process.argv[1] + "/config.toml", () => {});
      createRealDisk().watch(process.argv[1] + "/missing/config.toml", () => {});
    `;

    const { status, signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, directory], {
      timeout: 20_000,
      encoding: "utf8",
    });

    assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: "" });
  });
});
