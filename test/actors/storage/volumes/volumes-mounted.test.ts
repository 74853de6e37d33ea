/** A disk of the system that is taken out and put back: a file system of its own, unmounted and mounted again. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { VOLUME_LOOK_INTERVAL_MS, Volumes } from "#actors/storage/volumes/volumes.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { memoryLog } from "#runtime/simulated/log.ts";
import { MiB } from "#runtime/units.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const IMAGE_BYTES = 16 * MiB;

/** Mounts the file system in `image` at `directory`; false where this machine does not let us. */
function mount(image: string, directory: string): boolean {
  return spawnSync("mount", ["-o", "loop", image, directory]).status === 0;
}

describe("volumes (the machine's disk)", () => {
  it("miss a disk that is unmounted, write nothing to its mount point, and take it back", async (context) => {
    if (process.getuid?.() !== 0) return context.skip("only root may mount a file system");
    const directory = await tempDirectory(context);
    const [data, image, mountPoint] = ["data", "image", "mount"].map((name) => `${directory}/${name}`);
    assert(data !== undefined && image !== undefined && mountPoint !== undefined);
    mkdirSync(data);
    mkdirSync(mountPoint);
    writeFileSync(image, "");
    truncateSync(image, IMAGE_BYTES);
    if (spawnSync("mkfs.ext4", ["-q", image]).status !== 0) return context.skip("there is no mkfs.ext4 here");
    if (!mount(image, mountPoint)) return context.skip("this machine does not let root mount a loop device");
    try {
      await takeOutAndPutBack(data, image, mountPoint);
    } finally {
      spawnSync("umount", [mountPoint]);
    }
  });
});

async function takeOutAndPutBack(data: string, image: string, mountPoint: string): Promise<void> {
  const clock = new ManualClock();
  const states: string[] = [];
  const start = () =>
    Volumes.open({
      disk: createRealDisk(),
      locks: fileLocks(realClock),
      clock,
      random: createRealRandom(),
      log: memoryLog(),
      directories: [mountPoint],
      dataDirectory: data,
      reserveBytes: () => 1 * MiB,
      onChange: ({ state }) => void states.push(state),
      signal: new AbortController().signal,
    });
  const failure = { code: "disk.broken", path: mountPoint, errno: "EIO" } as const;

  const first = await start();
  assert.deepEqual(
    first.all.map(({ slot, state }) => [slot, state]),
    [[1, "present"]],
  );
  const { freeBytes = 0, totalBytes = 0 } = first.view(1) ?? {};
  assert(freeBytes > 0 && totalBytes < IMAGE_BYTES);
  // What the node has open keeps a disk that is busy: it is let go of as soon as it is missed.
  execFileSync("umount", ["--lazy", mountPoint]);
  await first.troubled(1, failure);
  await first.close();
  const second = await start();
  await second.troubled(1, failure);
  assert.deepEqual([states.splice(0), second.view(1)?.state], [["absent"], "absent"]);
  assert.deepEqual(readdirSync(mountPoint), []);

  assert(mount(image, mountPoint));
  await clock.advance(VOLUME_LOOK_INTERVAL_MS);
  await second.troubled(1, failure);
  assert.deepEqual(states, ["present"]);
  await second.close();
}
