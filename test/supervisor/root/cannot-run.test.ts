/** Why a node does not run, in words. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cannotRun, lineOf, reasonOf } from "#supervisor/root/cannot-run.ts";

describe("cannot run: a reason in words", () => {
  for (const [errno, words] of Object.entries({
    EACCES: "permission denied",
    EADDRINUSE: "it is in use",
    EADDRNOTAVAIL: "it is no address of this machine",
    EAI_AGAIN: "the name cannot be looked up",
    EFBIG: "it is too large",
    EIO: "the disk cannot be read or written",
    ELOOP: "its symbolic links go round in circles",
    ENAMETOOLONG: "the name is too long",
    ENOTDIR: "a part of the path is no directory",
    ENOTFOUND: "there is no such name",
    ENOTSUP: "it is no file",
    EPERM: "not permitted",
    EROFS: "the file system is read-only",
  })) {
    it(`is "${words}" for ${errno}, with the system's own name of it`, () => {
      assert.equal(reasonOf({ code: "disk.broken", ...{ errno } }), `${words} (${errno})`);
    });
  }

  it("is in words for what has no name of the system, and is the name where there are no words", () => {
    assert.equal(reasonOf({ code: "disk.exists" }), "it is no directory (disk.exists)");
    assert.equal(reasonOf({ code: "disk.full" }), "there is no room on the disk (disk.full)");
    assert.equal(reasonOf({ code: "disk.not-found" }), "it is not there, and cannot be made (disk.not-found)");
    assert.deepEqual([reasonOf({ code: "x.y" }), reasonOf({ code: "toString" })], ["x.y", "toString"]);
  });
});

describe("cannot run: its line", () => {
  it("is one line, whatever is quoted in it", () => {
    const failed = cannotRun("lock.taken", "another node\r\nruns on /a\u2028b");

    assert(!failed.ok);
    assert.equal(lineOf(failed.failure), "lock.taken: another node runs on /a b");
  });
});
