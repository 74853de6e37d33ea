/** What every disk promises: the conformance suite of the disk seam. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Disk, OpenMode } from "#runtime/disk/disk.ts";
import { wholeFileBytesMax } from "#runtime/disk/disk-failure.ts";
import { Defect, must, type Result } from "#runtime/errors.ts";
import { modelTests } from "#test/runtime/seams/disk-model.ts";

/** A disk and a directory on it that is empty. */
export interface DiskUnderTest {
  readonly disk: Disk;
  readonly directory: string;
}

/** Makes a disk of its own for each test. */
export type MakeDisk = (context: TestContext) => Promise<DiskUnderTest>;

export function diskSuite(name: string, make: MakeDisk): void {
  describe(`disk (${name}): files`, () => fileTests(make));
  describe(`disk (${name}): names`, () => nameTests(make));
  describe(`disk (${name}): whole files`, () => wholeFileTests(make));
  describe(`disk (${name}): agrees with a model`, () => modelTests(make));
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

export function codeOf(result: Result<unknown>): string {
  return result.ok ? "ok" : result.failure.code;
}

/** Writes a file in one go and closes it, unsynced. */
export async function writeNew(disk: Disk, path: string, contents: Uint8Array): Promise<void> {
  const descriptor = must(await disk.open(path, "create-new"), "opening");
  must(await disk.write(descriptor, [contents], 0), "writing");
  must(await disk.close(descriptor), "closing");
}

function fileTests(make: MakeDisk): void {
  test("each open mode takes or refuses what is there and what is not", async (context) => {
    const { disk, directory } = await make(context);
    const outcome = async (path: string, mode: OpenMode): Promise<string> => {
      const opened = await disk.open(path, mode);
      if (opened.ok) must(await disk.close(opened.value), "closing");
      return codeOf(opened);
    };
    const missing = async (mode: OpenMode): Promise<string> => {
      const code = await outcome(`${directory}/${mode}`, mode);
      await disk.remove(`${directory}/${mode}`);
      return code;
    };
    await writeNew(disk, `${directory}/there`, bytesOf("x"));

    assert.deepEqual(
      [await missing("read"), await missing("write"), await missing("create"), await missing("create-new")],
      ["disk.not-found", "disk.not-found", "ok", "ok"],
    );
    const there = `${directory}/there`;
    assert.deepEqual(
      [await outcome(there, "read"), await outcome(there, "write"), await outcome(there, "create")],
      ["ok", "ok", "ok"],
    );
    assert.deepEqual(await disk.open(there, "create-new"), {
      ok: false,
      failure: { code: "disk.exists", path: there },
    });
    assert.equal(codeOf(await disk.open(directory, "create-new")), "disk.exists");
    assert.equal(await outcome(`${directory}/no/such`, "create"), "disk.not-found");
    assert.deepEqual(await disk.open(`${there}/below`, "create"), {
      ok: false,
      failure: { code: "disk.broken", path: `${there}/below`, errno: "ENOTDIR" },
    });
    assert.deepEqual(must(await disk.readFile(there), "reading"), bytesOf("x"), "opening for create cuts nothing");
  });

  test("parts are written one after another from the position, holes read as zeros", async (context) => {
    const { disk, directory } = await make(context);
    const descriptor = must(await disk.open(`${directory}/file`, "create"), "opening");

    must(await disk.write(descriptor, [bytesOf("ab"), new Uint8Array(0), bytesOf("c"), bytesOf("def")], 3), "writing");
    must(await disk.write(descriptor, [], 100), "writing nothing");
    must(await disk.write(descriptor, [bytesOf("Z")], 4), "overwriting");

    const into = new Uint8Array(20).fill(0xee);
    assert.equal(must(await disk.read(descriptor, into, 1), "reading"), 8);
    assert.deepEqual(into.subarray(0, 9), new Uint8Array([0, 0, 97, 90, 99, 100, 101, 102, 0xee]));
    assert.equal(must(await disk.sizeBytes(descriptor), "size"), 9);
    must(await disk.close(descriptor), "closing");
  });

  test("more parts than one system call takes arrive in order", async (context) => {
    const { disk, directory } = await make(context);
    const parts = Array.from({ length: 2500 }, (_, index) => new Uint8Array([index & 0xff, index >> 8]));
    const descriptor = must(await disk.open(`${directory}/file`, "create"), "opening");

    must(await disk.write(descriptor, parts, 0), "writing");

    const expected = new Uint8Array(Buffer.concat(parts));
    assert.deepEqual(must(await disk.readFile(`${directory}/file`), "reading"), expected);
    must(await disk.close(descriptor), "closing");
  });

  test("a read is short only at the end of the file", async (context) => {
    const { disk, directory } = await make(context);
    await writeNew(disk, `${directory}/file`, bytesOf("0123456789"));
    const descriptor = must(await disk.open(`${directory}/file`, "read"), "opening");
    const count = async (length: number, position: number): Promise<number> =>
      must(await disk.read(descriptor, new Uint8Array(length), position), "reading");

    assert.deepEqual(
      [await count(10, 0), await count(11, 0), await count(1, 9), await count(1, 10), await count(5, 50)],
      [10, 10, 1, 0, 0],
    );
    assert.equal(await count(0, 3), 0);
    must(await disk.close(descriptor), "closing");
  });

  test("truncate cuts and extends; what comes back after a cut is zero", async (context) => {
    const { disk, directory } = await make(context);
    const descriptor = must(await disk.open(`${directory}/file`, "create"), "opening");
    must(await disk.write(descriptor, [bytesOf("abcdef")], 0), "writing");

    must(await disk.truncate(descriptor, 2), "cutting");
    must(await disk.truncate(descriptor, 4), "extending");

    assert.deepEqual(must(await disk.readFile(`${directory}/file`), "reading"), new Uint8Array([97, 98, 0, 0]));
    must(await disk.close(descriptor), "closing");
  });

  test("what is open for reading only is not changed", async (context) => {
    const { disk, directory } = await make(context);
    await writeNew(disk, `${directory}/file`, bytesOf("abc"));
    const descriptor = must(await disk.open(`${directory}/file`, "read"), "opening");

    const written = await disk.write(descriptor, [bytesOf("X")], 0);
    const cut = await disk.truncate(descriptor, 0);

    const path = `${directory}/file`;
    assert.deepEqual(written, { ok: false, failure: { code: "disk.broken", path, errno: "EBADF" } });
    assert.deepEqual(cut, { ok: false, failure: { code: "disk.broken", path, errno: "EINVAL" } });
    assert.deepEqual(must(await disk.readFile(path), "reading"), bytesOf("abc"));
    must(await disk.close(descriptor), "closing");
  });

  test("a closed descriptor is refused by every operation, a second close too", async (context) => {
    const { disk, directory } = await make(context);
    const closed = must(await disk.open(`${directory}/file`, "create"), "opening");
    must(await disk.close(closed), "closing");

    const outcomes = [
      await disk.close(closed),
      await disk.read(closed, new Uint8Array(1), 0),
      await disk.write(closed, [bytesOf("x")], 0),
      await disk.sync(closed),
      await disk.truncate(closed, 0),
      await disk.sizeBytes(closed),
    ];

    for (const outcome of outcomes) {
      assert.ok(!outcome.ok && outcome.failure.code === "disk.broken" && outcome.failure.errno === "EBADF");
    }
  });

  test("a file that lost its name lives on while it is open", async (context) => {
    const { disk, directory } = await make(context);
    const descriptor = must(await disk.open(`${directory}/file`, "create"), "opening");
    must(await disk.remove(`${directory}/file`), "removing");

    must(await disk.write(descriptor, [bytesOf("still")], 0), "writing");
    must(await disk.sync(descriptor), "syncing");

    const into = new Uint8Array(5);
    must(await disk.read(descriptor, into, 0), "reading");
    assert.deepEqual(into, bytesOf("still"));
    assert.equal(codeOf(await disk.open(`${directory}/file`, "read")), "disk.not-found");
    must(await disk.close(descriptor), "closing");
  });

  test("a position that is not a whole number from 0 is a defect", async (context) => {
    const { disk, directory } = await make(context);
    const descriptor = must(await disk.open(`${directory}/file`, "create"), "opening");

    await assert.rejects(disk.write(descriptor, [bytesOf("x")], -1), Defect);
    await assert.rejects(disk.read(descriptor, new Uint8Array(1), 0.5), Defect);
    await assert.rejects(disk.truncate(descriptor, Number.NaN), Defect);
    must(await disk.close(descriptor), "closing");
  });
}

function nameTests(make: MakeDisk): void {
  test("makeDirectory makes parents, and is fine where it exists", async (context) => {
    const { disk, directory } = await make(context);

    must(await disk.makeDirectory(`${directory}/a/b/c`), "making");
    must(await disk.makeDirectory(`${directory}/a/b`), "making again");

    assert.deepEqual(must(await disk.list(`${directory}/a/b`), "listing"), [
      { name: "c", kind: "directory", sizeBytes: 0 },
    ]);
    await writeNew(disk, `${directory}/file`, bytesOf("x"));
    assert.equal(codeOf(await disk.makeDirectory(`${directory}/file`)), "disk.exists");
    assert.equal(codeOf(await disk.makeDirectory(`${directory}/file/below`)), "disk.broken");
  });

  test("list tells files with their size from directories, and only what is directly there", async (context) => {
    const { disk, directory } = await make(context);
    await writeNew(disk, `${directory}/file`, bytesOf("12345"));
    must(await disk.makeDirectory(`${directory}/below`), "making");
    await writeNew(disk, `${directory}/below/deeper`, bytesOf("x"));

    const listed = must(await disk.list(directory), "listing");

    assert.deepEqual(
      listed.toSorted((one, other) => one.name.localeCompare(other.name)),
      [
        { name: "below", kind: "directory", sizeBytes: 0 },
        { name: "file", kind: "file", sizeBytes: 5 },
      ],
    );
    assert.equal(codeOf(await disk.list(`${directory}/none`)), "disk.not-found");
    assert.equal(codeOf(await disk.list(`${directory}/file`)), "disk.broken");
  });

  test("rename replaces a file, and refuses what is missing", async (context) => {
    const { disk, directory } = await make(context);
    await writeNew(disk, `${directory}/one`, bytesOf("one"));
    await writeNew(disk, `${directory}/two`, bytesOf("two"));

    must(await disk.rename(`${directory}/one`, `${directory}/two`), "renaming");
    must(await disk.rename(`${directory}/two`, `${directory}/two`), "renaming to itself");

    assert.deepEqual(must(await disk.readFile(`${directory}/two`), "reading"), bytesOf("one"));
    assert.equal(codeOf(await disk.open(`${directory}/one`, "read")), "disk.not-found");
    assert.equal(codeOf(await disk.rename(`${directory}/one`, `${directory}/three`)), "disk.not-found");
    assert.equal(codeOf(await disk.rename(`${directory}/two`, `${directory}/no/such`)), "disk.not-found");
  });

  test("rename moves a directory with its tree, but not into itself or over a full one", async (context) => {
    const { disk, directory } = await make(context);
    must(await disk.makeDirectory(`${directory}/from/deep`), "making");
    await writeNew(disk, `${directory}/from/deep/file`, bytesOf("x"));
    must(await disk.makeDirectory(`${directory}/full/child`), "making");

    assert.equal(codeOf(await disk.rename(`${directory}/from`, `${directory}/from/deep/in`)), "disk.broken");
    assert.equal(codeOf(await disk.rename(`${directory}/from`, `${directory}/full`)), "disk.broken");
    must(await disk.rename(`${directory}/from`, `${directory}/to`), "renaming");

    assert.deepEqual(must(await disk.readFile(`${directory}/to/deep/file`), "reading"), bytesOf("x"));
    assert.equal(codeOf(await disk.list(`${directory}/from`)), "disk.not-found");
  });

  test("remove takes one file; a directory is refused, a missing one is not found", async (context) => {
    const { disk, directory } = await make(context);
    await writeNew(disk, `${directory}/file`, bytesOf("x"));
    must(await disk.makeDirectory(`${directory}/below`), "making");

    must(await disk.remove(`${directory}/file`), "removing");

    assert.equal(codeOf(await disk.remove(`${directory}/file`)), "disk.not-found");
    assert.deepEqual(await disk.remove(`${directory}/below`), {
      ok: false,
      failure: { code: "disk.broken", path: `${directory}/below`, errno: "EISDIR" },
    });
  });

  test("removeTree takes all of it and nothing beside it; a missing one is fine", async (context) => {
    const { disk, directory } = await make(context);
    must(await disk.makeDirectory(`${directory}/tree/deep`), "making");
    must(await disk.makeDirectory(`${directory}/tree-beside`), "making");
    await writeNew(disk, `${directory}/tree/deep/file`, bytesOf("x"));

    must(await disk.removeTree(`${directory}/tree`), "removing");
    must(await disk.removeTree(`${directory}/tree`), "removing again");

    assert.deepEqual(
      must(await disk.list(directory), "listing").map(({ name }) => name),
      ["tree-beside"],
    );
  });

  test("syncDirectory is fine for a directory, and not for what is missing", async (context) => {
    const { disk, directory } = await make(context);

    assert.equal(codeOf(await disk.syncDirectory(directory)), "ok");
    assert.equal(codeOf(await disk.syncDirectory(`${directory}/none`)), "disk.not-found");
  });

  test("space tells free bytes within the total", async (context) => {
    const { disk, directory } = await make(context);

    must(await disk.makeDirectory(`${directory}/below`), "making");
    const { freeBytes, totalBytes, fileSystem } = must(await disk.space(directory), "space");

    assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
    assert.equal(must(await disk.space(`${directory}/below`), "space below").fileSystem, fileSystem);
    assert.equal(codeOf(await disk.space(`${directory}/none`)), "disk.not-found");
  });
}

function wholeFileTests(make: MakeDisk): void {
  test("replaceFile makes a file and replaces one, and leaves nothing else behind", async (context) => {
    const { disk, directory } = await make(context);
    const path = `${directory}/config`;

    must(await disk.replaceFile(path, bytesOf("first")), "making");
    must(await disk.replaceFile(path, bytesOf("second, longer")), "replacing");
    must(await disk.replaceFile(path, bytesOf("")), "emptying");
    must(await disk.replaceFile(path, bytesOf("third")), "replacing");

    assert.deepEqual(must(await disk.readFile(path), "reading"), bytesOf("third"));
    assert.deepEqual(must(await disk.list(directory), "listing"), [{ name: "config", kind: "file", sizeBytes: 5 }]);
  });

  test("replaceFile that fails leaves the old file and nothing else", async (context) => {
    const { disk, directory } = await make(context);
    must(await disk.makeDirectory(`${directory}/taken/full`), "making");

    assert.equal(codeOf(await disk.replaceFile(`${directory}/taken`, bytesOf("x"))), "disk.broken");
    const missing = `${directory}/none/config`;
    assert.deepEqual(await disk.replaceFile(missing, bytesOf("x")), {
      ok: false,
      failure: { code: "disk.not-found", path: missing },
    });

    assert.deepEqual(
      must(await disk.list(directory), "listing").map(({ name }) => name),
      ["taken"],
    );
  });

  test("whole files end at 16 MiB, read and written", async (context) => {
    const { disk, directory } = await make(context);
    const path = `${directory}/large`;
    const tooLarge = { ok: false, failure: { code: "disk.broken", path, errno: "EFBIG" } };

    must(await disk.replaceFile(path, new Uint8Array(wholeFileBytesMax)), "writing the most");
    assert.equal(must(await disk.readFile(path), "reading the most").length, wholeFileBytesMax);
    assert.deepEqual(await disk.replaceFile(path, new Uint8Array(wholeFileBytesMax + 1)), tooLarge);

    const descriptor = must(await disk.open(path, "write"), "opening");
    must(await disk.truncate(descriptor, wholeFileBytesMax + 1), "extending");
    must(await disk.close(descriptor), "closing");
    assert.deepEqual(await disk.readFile(path), tooLarge);
  });

  test("readFile refuses what is missing", async (context) => {
    const { disk, directory } = await make(context);

    assert.equal(codeOf(await disk.readFile(`${directory}/none`)), "disk.not-found");
    assert.equal(codeOf(await disk.readFile(directory)), "disk.broken");
  });
}
