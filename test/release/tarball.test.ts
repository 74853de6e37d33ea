/** Tarballs as tar writes them, and those that nobody should have written. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { differenceOf, readTarball } from "#release/tarball.ts";
import { must } from "#runtime/errors.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { tarOf } from "#test/release/files.ts";

const LONG = `${"long/".repeat(60)}name.txt`;

describe("release: reading tarballs", () => {
  for (const format of ["ustar", "pax"] as const) {
    it(`finds what tar has packed (${format})`, async (context) => {
      const folder = await tempDirectory(context);
      const long = format === "pax" ? LONG : `${"long/".repeat(30)}name.txt`;
      mkdirSync(join(folder, "x", long, ".."), { recursive: true });
      writeFileSync(join(folder, "x", long), "é".repeat(600), { mode: 0o600 });
      writeFileSync(join(folder, "x", "empty"), "", { mode: 0o755 });
      symlinkSync("empty", join(folder, "x", "link"));
      const packed = execFileSync("tar", ["-cz", `--format=${format}`, "x"], { cwd: folder });

      const { members } = must(readTarball(packed), "it is read");
      const found = members
        .filter(({ kind }) => kind !== "folder")
        .map(({ path, kind, bytes, target }) => [path, kind, bytes.length, target]);
      assert.deepEqual(found.sort(), [
        ["x/empty", "file", 0, ""],
        ["x/link", "link", 0, "empty"],
        [`x/${long}`, "file", 1200, ""],
      ]);
    });
  }

  for (const [what, packed, cause] of [
    ["a name that leads out", tarOf([{ name: "x/../../etc/passwd" }]), /leads out of the folder/],
    ["a name from the root", tarOf([{ name: "/etc/passwd" }]), /leads out of the folder/],
    ["a link that leads away", tarOf([{ name: "x/link", type: "2", target: "../../etc" }]), /link that leads away/],
    ["a hard link", tarOf([{ name: "x/link", type: "1", target: "x" }]), /of a kind that is not taken/],
    ["a device", tarOf([{ name: "x/null", type: "3" }]), /of a kind that is not taken/],
    ["no end", gzipSync(gunzipSync(tarOf([{ name: "x/a" }])).subarray(0, 512)), /has no end/],
    ["half of a file", gzipSync(gunzipSync(tarOf([{ name: "x/a", text: "abc" }])).subarray(0, 514)), /is cut/],
    ["what is not packed", Buffer.from("not a tarball"), /incorrect header check/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const read = readTarball(packed);

      assert(!read.ok);
      assert.match(read.failure.cause, cause);
    });
  }

  it("takes an extended header for the member behind it, and for no other", () => {
    const extended = { type: "x", name: "PaxHeader", text: "17 path=x/longer\n" };
    const { members } = must(readTarball(tarOf([extended, { name: "x/a" }, { name: "x/b" }])), "it is read");

    assert.deepEqual(
      members.map(({ path }) => path),
      ["x/longer", "x/b"],
    );
  });

  it("refuses a header in which any byte was changed", () => {
    const whole = gunzipSync(tarOf([{ name: "x/a", text: "abc" }]));
    const passed = Array.from({ length: 512 }, (_, at) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      return readTarball(gzipSync(damaged, { level: 0 })).ok ? at : -1;
    });

    // But for the byte behind the sum, which is in no sum.
    assert.deepEqual(
      passed.filter((at) => at >= 0 && at !== 154 && at !== 155),
      [],
    );
  });
});

describe("release: telling two tarballs apart", () => {
  it("names the first thing that differs", () => {
    const base = [
      { name: "x/a", text: "a" },
      { name: "x/b", text: "b" },
    ];
    const one = tarOf(base);
    const said = [
      [{ name: "x/a", text: "a" }],
      [...base, { name: "x/c" }],
      [{ name: "x/a", text: "z" }, base[1] ?? { name: "" }],
      [{ name: "x/a", text: "a", mode: 0o600 }, base[1] ?? { name: "" }],
      [...base].reverse(),
    ].map((entries) => differenceOf(one, tarOf(entries)));

    assert.deepEqual(said, [
      "x/b is in one of them",
      "x/c is in one of them",
      "x/a has other bytes",
      "x/a has the modes 644 and 600",
      "the same files are packed in another way",
    ]);
  });
});
