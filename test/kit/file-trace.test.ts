/** The reader of traces: it is shown one write of every kind, and has to tell of each. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { MemoryMounts, parseTrace, readTrace, traceTo } from "#test/kit/file-trace.ts";
import { provideStrace } from "#test/kit/provide.ts";

const MOUNTS = [
  "1 0 8:1 / / rw - ext4 /dev/root rw",
  "2 1 0:2 / /dev rw - devtmpfs devtmpfs rw",
  "3 2 0:3 / /dev/shm rw shared:1 - tmpfs tmpfs rw",
  "4 1 0:4 / /hidden rw - tmpfs tmpfs rw",
  "5 1 8:2 / /hidden rw - ext4 /dev/other rw",
].join("\n");

describe("file trace: parseTrace", () => {
  it("knows where a file was opened, whatever it was called, and passes over reading and what failed", () => {
    const { changes, callCount, threadCount } = parseTrace(
      [
        '7 openat(AT_FDCWD</w>, "a", O_WRONLY|O_CREAT, 0666) = 3</w/a>',
        '7 openat(AT_FDCWD</w>, "link", O_RDWR) = 3</elsewhere/real (deleted)>',
        '7 openat(AT_FDCWD</w>, "b", O_RDONLY|O_CLOEXEC) = 3</w/b>',
        '7 openat(AT_FDCWD</w>, "c", O_WRONLY) = -1 EACCES (Permission denied)',
        '8 openat(AT_FDCWD</w>, "d", O_RDWR|O_CREAT <unfinished ...>',
        '7 mkdir("/w/e", 0777 <unfinished ...>',
        "8 <... openat resumed>, 0600) = 4</w/d>",
        "7 <... mkdir resumed>) = 0",
        '7 renameat2(5</w>, "f", AT_FDCWD</v>, "g", 0) = 0',
        '7 symlink("anything at all", "/w/h") = 0',
        '7 bind(5<UNIX-STREAM:[9]>, {sa_family=AF_UNIX, sun_path="/w/i.sock"}, 110) = 0',
        '7 bind(5<UNIX-STREAM:[9]>, {sa_family=AF_UNIX, sun_path=@"abstract"}, 110) = 0',
        '7 unlink("j") = 0',
        '7 statx(AT_FDCWD</w>, "k", 0, STATX_ALL, {}) = 0',
        "7 +++ exited with 0 +++",
      ].join("\n"),
    );

    assert.deepEqual(
      changes.map(({ pid, call, path }) => [pid, call, path]),
      [
        [7, "openat", "/w/a"],
        [7, "openat", "/elsewhere/real"],
        [8, "openat", "/w/d"],
        [7, "mkdir", "/w/e"],
        [7, "renameat2", "/w/f"],
        [7, "renameat2", "/v/g"],
        [7, "symlink", "/w/h"],
        [7, "bind", "/w/i.sock"],
        [7, "unlink", "j"],
      ],
    );
    assert.deepEqual([callCount, threadCount], [12, 2]);
  });
});

describe("file trace: MemoryMounts", () => {
  it("goes by the innermost mount, and by the last one over a place", () => {
    const mounts = new MemoryMounts(MOUNTS);
    const holds = ["/dev/shm", "/dev/shm/x/y", "/dev/null", "pipe:[7]"];
    const not = ["/", "/tmp/x", "/dev/shmx", "/dev/sda", "/hidden/x", "relative", "?"];

    assert.deepEqual(
      holds.filter((path) => !mounts.holds(path)),
      [],
    );
    assert.deepEqual(
      not.filter((path) => mounts.holds(path)),
      [],
    );
  });
});

const skip = (await provideStrace()) ?? false;

describe("file trace: a planted process", () => {
  it("is caught at every way to change a disk, also by a child and by a thread, and in memory at none", {
    skip,
  }, (context) => {
    // Beside the sources: what lies there outlives its process.
    const directory = mkdtempSync(join(resolve(import.meta.dirname, "../.."), ".cache-planted-"));
    context.after(() => rmSync(directory, { recursive: true, force: true }));
    const trace = join(directory, "trace");
    const script = `
      const fs = require("node:fs");
      const [, root] = process.argv;
      fs.writeFileSync(root + "/written", "x");
      fs.mkdirSync(root + "/made");
      fs.renameSync(root + "/made", root + "/moved");
      fs.symlinkSync("nowhere", root + "/symbolic");
      fs.linkSync(root + "/written", root + "/linked");
      fs.truncateSync(root + "/written", 0);
      fs.chmodSync(root + "/written", 0o600);
      fs.unlinkSync(root + "/linked");
      fs.rmdirSync(root + "/moved");
      fs.writeFile(root + "/thread", "x", () => undefined);
      require("node:child_process").spawnSync("/bin/sh", ["-c", "echo x >>" + root + "/child"]);
      require("node:net").createServer().listen(root + "/socket").unref();
    `;
    // What a run covers would be written to the disk as well.
    const planted = ["env", "-u", "NODE_V8_COVERAGE", process.execPath, "-e", script];
    const [program = "", ...args] = [...traceTo(trace), ...planted];
    const env = { PATH: process.env["PATH"] };

    const ran = spawnSync(program, [...args, directory], { env, encoding: "utf8" });

    assert.equal(ran.status, 0, ran.stderr);
    const onDisk = new MemoryMounts(MOUNTS);
    const strays = onDisk
      .strays(readTrace(trace))
      .map((stray) => stray.replace(`${directory}/`, "").replace(/at2? /, " "));
    const expected = [
      ...["open written", "mkdir made", "rename made", "rename moved", "symlink symbolic", "link written"],
      ...["link linked", "chmod written", "unlink linked", "rmdir moved", "open thread", "open child", "bind socket"],
    ];
    assert.deepEqual(
      expected.filter((stray) => !strays.includes(stray)),
      [],
      readFileSync(trace, "latin1").slice(-4000),
    );
    const inMemory = new MemoryMounts(`${MOUNTS}\n6 1 0:6 / ${directory} rw - tmpfs tmpfs rw`);
    assert.deepEqual(inMemory.strays(readTrace(trace)), []);
  });
});
