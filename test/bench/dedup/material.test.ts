/** The files of a version, on a real disk: what is counted is what is put. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { filesOf, sizeOf } from "#bench/dedup/material.ts";

describe("bench: the files of a version", () => {
  it("are a file itself, and every regular file below a folder, in order", () => {
    const folder = mkdtempSync(join(tmpdir(), "cepa-material-"));
    try {
      mkdirSync(join(folder, "b", "deep"), { recursive: true });
      for (const path of ["c", "b/deep/file", "a", ".hidden"]) writeFileSync(join(folder, path), path);
      symlinkSync("a", join(folder, "link"));

      const expected = [".hidden", "a", "b/deep/file", "c"].map((path) => join(folder, path));
      assert.deepEqual(filesOf(folder), expected);
      assert.equal(sizeOf(folder), ".hidden".length + 1 + "b/deep/file".length + 1);
      assert.deepEqual([filesOf(join(folder, "a")), sizeOf(join(folder, "a"))], [[join(folder, "a")], 1]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
