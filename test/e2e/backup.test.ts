/** The data copied from under a running node, file by file, as the page for operators says; and a node that starts with the copy. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { KiB } from "#runtime/units.ts";
import { cepa } from "#test/cli/run.ts";
import { startNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

/** Answers whether a file has vanished under it. `meanwhile` happens behind the first one. */
async function copyPacks(from: string, to: string, meanwhile: () => Promise<void>): Promise<boolean> {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  for (const [place, name] of readdirSync(from).sort().entries()) {
    if (place === 1) await meanwhile();
    try {
      await copyFile(join(from, name), join(to, name));
    } catch (error) {
      assert.match(String(error), /ENOENT/);
      return true;
    }
  }
  return false;
}

describe("node: a backup while it runs", () => {
  it("has all that was held, when no file has vanished under the copy", async () => {
    const dataDirectory = temporaryDataDirectory();
    const backup = temporaryDataDirectory();
    const config = join(dataDirectory, "backup.toml");
    writeFileSync(config, '[storage]\npackSealBytes = "1MiB"\n');
    const objects = Array.from({ length: 100 }, (_, seed) => randomBytes(100 * KiB, seed));
    const kept = objects.filter((_, place) => place % 4 === 0);
    const node = await startNode({ dataDirectory, args: ["--config", config] });
    const collect = async (): Promise<void> => {
      for (const bytes of objects) {
        if (!kept.includes(bytes)) await fetch(`${node.url}/o/${addressOf(bytes)}`, { method: "DELETE" });
      }
      assert.equal((await cepa(["gc", "--empty-trash", "--url", node.url])).code, 0);
    };
    const put = async (): Promise<void> => void (await putObject(node.url, randomBytes(100 * KiB, 999)));
    try {
      for (const bytes of objects) await putObject(node.url, bytes);
      const copy = (meanwhile: () => Promise<void>) =>
        copyPacks(join(dataDirectory, "packs"), join(backup, "packs"), meanwhile);

      assert.deepEqual([await copy(collect), await copy(put)], [true, false]);
      for (const name of ["keeps", "names"]) cpSync(join(dataDirectory, name), join(backup, name), { recursive: true });
    } finally {
      await node.stop();
    }

    const restored = await startNode({ dataDirectory: backup, args: ["--config", config] });
    try {
      for (const bytes of kept) await mustHold(restored.url, bytes);
    } finally {
      await restored.stop();
      for (const directory of [dataDirectory, backup]) rmSync(directory, { recursive: true, force: true });
    }
  });
});
