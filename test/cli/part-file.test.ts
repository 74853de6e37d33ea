/** What an interrupted get has left of a file: whatever mode that has by then, the next get goes on with it. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Outcome } from "#cli/failure.ts";
import { fetchPart } from "#cli/part-file.ts";
import type { ContentEntry } from "#client/tree.ts";
import { addressOf } from "#test/cli/fake-node.ts";
import { asNobody, NOBODY } from "#test/kit/nobody.ts";

const MODE = 0o444;
const bytes = Buffer.from("all that there is");
const directory = mkdtempSync(join(tmpdir(), "cepa-part-"));
after(() => rmSync(directory, { recursive: true }));

/** From no node at all. */
async function fetchAsOther(part: string): Promise<Outcome> {
  const stored = { address: addressOf(bytes), manifest: "ab".repeat(32), size: bytes.length };
  const entry: ContentEntry = { kind: "file", name: "a", mode: MODE, ...stored };
  if (process.getuid?.() === 0) chownSync(directory, NOBODY, NOBODY);
  return await asNobody(() =>
    fetchPart("http://127.0.0.1:1", part, entry, MODE, () => assert.fail("no byte is missing")),
  );
}

function leavePart(mode: number): string {
  const part = join(directory, `part-${mode}`);
  writeFileSync(part, bytes);
  if (process.getuid?.() === 0) chownSync(part, NOBODY, NOBODY);
  chmodSync(part, mode);
  return part;
}

describe("cli: a part that was left", () => {
  for (const mode of [0o444, 0o500, 0o000]) {
    it(`with the mode ${mode.toString(8)} is gone on with`, async () => {
      const part = leavePart(mode);

      assert.deepEqual(await fetchAsOther(part), { ok: true, value: undefined });

      assert.deepEqual([readFileSync(part), statSync(part).mode & 0o777], [bytes, MODE]);
    });
  }

  it("is no link to a file: neither the bytes nor the mode of that are touched", async () => {
    const target = leavePart(0o400);
    const part = join(directory, "link");
    symlinkSync(target, part);

    const fetched = await fetchAsOther(part);

    assert(!fetched.ok);
    assert.match(fetched.failure.message, /\/link: ELOOP/);
    assert.equal(statSync(target).mode & 0o777, 0o400);
  });
});
