/**
 * A commit that does not end: another process is in the middle of a write to the same store, and LMDB waits for it, for as
 * long as the test wants. That is what a disk that hangs does to it.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { KvOverlay } from "#actors/storage/catalog/kv-overlay.ts";
import { must } from "#runtime/errors.ts";
import type { Kv, KvStores } from "#runtime/kv/kv.ts";
import { createLmdbStores, KV_CHANGE_MS_MAX, KV_COMMIT_MS_MAX } from "#runtime/real/kv.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { hour } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { b, mapBytesMax, put } from "#test/runtime/seams/kv-suite.ts";

const LATE = "kv: a commit has not ended for 60 s";
const LATE_MS: number = KV_COMMIT_MS_MAX + KV_CHANGE_MS_MAX;

/** Begins to write to the store, says so, and ends when its input does. */
const WRITER = `
  import { readSync } from "node:fs";
  import { open } from "lmdb";
  const store = open({ path: process.argv[1], noSubdir: true, overlappingSync: false });
  store.transactionSync(() => {
    process.stdout.write("writing\\n");
    readSync(0, new Uint8Array(1));
  });
`;

interface Held {
  readonly clock: ManualClock;
  readonly stores: KvStores;
  readonly directory: string;
  readonly kv: Kv;
  /** Lets commits end. */
  release(): Promise<void>;
}

/** A store that holds one pair, and in which no commit ends. */
async function heldStore(context: TestContext): Promise<Held> {
  const clock = new ManualClock();
  const stores = createLmdbStores(clock);
  const directory = await tempDirectory(context);
  const kv = must(await stores.open(directory, { mapBytesMax }), "opening");
  await kv.batch([put(b(1), b(1))]);
  const writer = spawn(process.execPath, ["--input-type=module", "-e", WRITER, `${directory}/store.lmdb`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const release = async (): Promise<void> => {
    writer.stdin.end();
    if (writer.exitCode === null) await once(writer, "exit");
  };
  // A commit under way would keep this process from ending.
  context.after(release);
  await once(writer.stdout, "data");
  return { clock, stores, directory, kv, release };
}

describe("kv (lmdb): a commit that does not end", { timeout: 60_000 }, () => {
  it("is refused when its time is over, and what comes next at once, until it has ended after all", async (context) => {
    const { clock, kv, release } = await heldStore(context);
    const refusals: string[] = [];
    const told = (batch: Promise<void>): Promise<void> => batch.catch(({ message }) => void refusals.push(message));
    const first = told(kv.batch([put(b(1), b(2)), put(b(2), b(2))]));
    const second = told(kv.batch([put(b(3), b(3))]));

    await clock.advance(LATE_MS + KV_CHANGE_MS_MAX - 1);
    assert.deepEqual(refusals, []);
    await clock.advance(1);
    await Promise.all([first, second, told(kv.batch([put(b(3), b(4))])), kv.flush()]);

    assert.deepEqual(refusals, [LATE, LATE, LATE]);
    assert.deepEqual([kv.count(), kv.get(b(1))], [1, b(1)]);
    await release();
    await eventually(10_000, "commits end again", () =>
      kv.batch([put(b(1), b(5))]).then(
        () => true,
        () => false,
      ),
    );
    const held = kv.range(b(0), b(9), 9).map(({ key, value }) => [...key, ...value]);
    assert.deepEqual(held, [
      [1, 5],
      [2, 2],
    ]);
    assert.equal(clock.armedCount, 0);
    await kv.close();
  });

  it("is waited for by close, and the store is not opened anew before", async (context) => {
    const { clock, stores, directory, kv, release } = await heldStore(context);
    const refused = assert.rejects(kv.batch([put(b(1), b(2))]), { message: LATE });
    await clock.advance(LATE_MS);
    await refused;

    let isClosed = false;
    const closing = kv.close().then(() => {
      isClosed = true;
    });
    await clock.advance(1 * hour);
    const opened = await stores.open(directory, { mapBytesMax });

    assert.deepEqual([isClosed, !opened.ok && opened.failure.code], [false, "kv.broken"]);
    await release();
    await closing;
    const again = must(await stores.open(directory, { mapBytesMax }), "opening again");
    assert.deepEqual(again.get(b(1)), b(2));
    await again.close();
  });

  it("holds up nobody who flushes a catalog, and what was refused is written with what came later", async (context) => {
    const { clock, kv, release } = await heldStore(context);
    const overlay = new KvOverlay(kv);
    overlay.put(b(1), b(2));
    overlay.put(b(2), b(2));
    const flushed = overlay.flush();
    await clock.advance(LATE_MS + KV_CHANGE_MS_MAX);
    await flushed;
    assert.equal(overlay.refusal, LATE);

    overlay.put(b(1), undefined);
    await release();
    await eventually(10_000, "the catalog is written", async () => {
      await overlay.flush();
      return overlay.refusal === undefined;
    });

    assert.deepEqual([kv.get(b(1)), kv.get(b(2))], [undefined, b(2)]);
    await kv.close();
  });
});
