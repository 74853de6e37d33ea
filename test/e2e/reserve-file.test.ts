/** A real node on a small file system that another program fills to the last byte: what makes room still works. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { RESERVE_FILE_PAUSE_MS } from "#actors/storage/reserve-file.ts";
import { MiB } from "#runtime/units.ts";
import { cepa } from "#test/cli/run.ts";
import { fillToTheLastByte } from "#test/kit/full-disk.ts";
import { eventually, startNode, type TestNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

const skip = process.getuid?.() === 0 ? false : "only root can mount a small file system";
const RESERVE_FILE_BYTES: number = 16 * MiB;

const imageOf = (directory: string): string => `${directory}.image`;

/** What root fills is filled to what nobody may write, in ext4 past what others may. */
const mounts: Readonly<Record<string, (directory: string) => void>> = {
  tmpfs: (directory) => void execFileSync("mount", ["-t", "tmpfs", "-o", "size=200m", "tmpfs", directory]),
  ext4: (directory) => {
    execFileSync("truncate", ["-s", "220M", imageOf(directory)]);
    execFileSync("mkfs.ext4", ["-q", "-m", "20", imageOf(directory)]);
    execFileSync("mount", ["-o", "loop", imageOf(directory), directory]);
  },
};

describe("node: the reserve file", { skip }, () => {
  for (const [fileSystem, mount] of Object.entries(mounts))
    it(`lets rm and gc make room on a disk (${fileSystem}) without a free byte, loses nothing, and is there again (STO-68)`, async () => {
      const dataDirectory = temporaryDataDirectory();
      mount(dataDirectory);
      const reserve = join(dataDirectory, "reserve.bin");
      const hasReserve = (): boolean => statSync(reserve, { throwIfNoEntry: false })?.size === RESERVE_FILE_BYTES;
      const run = (...args: readonly string[]) => cepa(args, { env: { CEPA_DATA: dataDirectory } });
      let node: TestNode | undefined;
      try {
        const config = join(dataDirectory, "small.toml");
        writeFileSync(config, '[storage]\nreserveBytes = "16MiB"\n');
        node = await startNode({ dataDirectory, args: ["--config", config] });
        await eventually(20_000, "the reserve file is made", hasReserve);
        assert(statSync(reserve).blocks * 512 >= RESERVE_FILE_BYTES, "it takes what it says");
        const kept = [randomBytes(3 * MiB, 61), randomBytes(5000, 62)];
        const gone = [randomBytes(20 * MiB, 63), randomBytes(7 * MiB, 64), randomBytes(5000, 65)];
        for (const bytes of [...kept, ...gone]) await putObject(node.url, bytes);
        fillToTheLastByte(join(dataDirectory, "ballast"));

        for (const bytes of gone) {
          const removed = await run("rm", addressOf(bytes));
          assert.equal(removed.code, 0, removed.stderr);
        }
        // In ext4 the last blocks are given to some who ask, and not to others: whether it is needed by then differs.
        if (fileSystem === "tmpfs") {
          assert(!readdirSync(dataDirectory).some((name) => name.startsWith("reserve.bin")), "it was needed for that");
          await eventually(5000, "the node says so", async () => {
            return (await run("ps")).stdout.includes("reserve file given up, the disk is full");
          });
        }
        const collected = await run("gc", "--empty-trash", "--json");

        assert.equal(collected.code, 0, collected.stderr);
        const { blocked, freedBytes } = JSON.parse(collected.stdout) as { blocked?: string; freedBytes: number };
        assert.deepEqual([blocked, freedBytes > 27 * MiB], [undefined, true], collected.stdout);
        for (const bytes of kept) await mustHold(node.url, bytes);
        rmSync(join(dataDirectory, "ballast"));
        // Where it was tried while there was too little room, not before that pause is over.
        await eventually(RESERVE_FILE_PAUSE_MS + 20_000, "the reserve file is made again", hasReserve);
        assert.equal(await node.stop(), 0);
        node = await startNode({ dataDirectory, args: ["--config", config] });
        for (const bytes of kept) await mustHold(node.url, bytes);
        for (const bytes of gone) {
          assert.equal((await fetch(`${node.url}/o/${addressOf(bytes)}`)).status, 404);
        }
      } finally {
        await node?.stop();
        execFileSync("umount", ["-l", dataDirectory]);
        rmSync(imageOf(dataDirectory), { force: true });
        rmSync(dataDirectory, { recursive: true, force: true });
      }
    });
});
