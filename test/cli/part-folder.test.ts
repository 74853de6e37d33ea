/** The folder of parts, by several who come at once: one has it, and the others are told so. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Outcome } from "#cli/failure.ts";
import { type PartFolder, takePartFolder } from "#cli/part-folder.ts";
import { must } from "#runtime/errors.ts";

const directory = mkdtempSync(join(tmpdir(), "cepa-parts-"));
after(() => rmSync(directory, { recursive: true }));

const address = `b3:${"0".repeat(64)}`;
const inUse = /^cli\.directory-in-use: .*another cepa get -r is at it/;
/** Whether two meet is up to the system: of so many some do. */
const ROUNDS = 30;

function told(outcome: Outcome<PartFolder>): string {
  return outcome.ok ? "has it" : `${outcome.failure.code}: ${outcome.failure.message}`;
}

describe("cli: the folder of parts", () => {
  it("is had by one of several who make it at once, and is in use for the others", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const output = join(directory, `made-${round}`);

      const taken = await Promise.all(Array.from({ length: 4 }, () => takePartFolder(output, address)));

      const refused = taken.filter(({ ok }) => !ok);
      for (const outcome of taken) if (outcome.ok) outcome.value.release();
      assert.equal(refused.length, 3);
      for (const outcome of refused) assert.match(told(outcome), inUse);
    }
  });

  it("is in use, or anew, for who comes while it is taken away", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const output = join(directory, `removed-${round}`);
      const first = must(await takePartFolder(output, address), "nobody else is there");

      const [removed, second] = await Promise.all([first.remove(() => false), takePartFolder(output, address)]);

      assert(removed.ok);
      if (!second.ok) assert.match(told(second), inUse);
      else assert((await second.value.remove(() => false)).ok);
      assert.deepEqual(readdirSync(output), []);
    }
  });

  it("is its owner's alone, whatever it was when it was found", async () => {
    const output = join(directory, "open");
    const path = join(output, `.cepa-part-${"0".repeat(16)}`);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o2777);

    const taken = must(await takePartFolder(output, address), "nobody else is there");
    const mode = statSync(path).mode & 0o7777;
    taken.release();

    assert.equal(mode, 0o700);
  });

  it("cannot be written, and is not in use, where nobody may make it", async () => {
    for (const output of ["/proc", "/sys"]) {
      assert.match(
        told(await takePartFolder(output, address)),
        /^cli\.file-unwritable: \/(proc|sys)\/\.cepa-part-0+: E/,
      );
    }
  });
});
