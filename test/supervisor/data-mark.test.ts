/** How a running node knows its data directory again, on a disk in memory (SUP-30). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must, ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { wireAtData } from "#supervisor/cell/at-data.ts";
import { diskAtData } from "#supervisor/cell/disk-at-data.ts";
import { awayIn, dataCheck, describeAway, MARK_NAME, takeMark } from "#supervisor/data-mark.ts";
import { KEEP_MS, Keeper } from "#supervisor/root/keeper.ts";
import { silentLog } from "#test/kit/actor.ts";

const random = seededRandom(1);
const path = `/data/${MARK_NAME}`;

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data"), "the directory");
  return disk;
}

describe("data mark: take", () => {
  it("draws one for a directory without, or with what is none, and keeps one that is there", async () => {
    const disk = await emptyDisk();

    const first = must(await takeMark(disk, random, "/data"), "the first");
    const second = must(await takeMark(disk, random, "/data"), "the second");
    must(await disk.replaceFile(path, Buffer.from("half a mar")), "harm");
    const third = must(await takeMark(disk, random, "/data"), "the third");

    assert.match(first ?? "", /^[0-9a-f]{16}\n$/);
    assert.deepEqual([second, third === first], [first, false]);
    assert.deepEqual(must(await disk.readFile(path), "reading"), new Uint8Array(Buffer.from(third ?? "")));
  });

  it("does without one on a full disk, and says what else the disk refuses", async () => {
    const disk = await emptyDisk();

    disk.failNext("replaceFile", "ENOSPC");
    const full = must(await takeMark(disk, random, "/data"), "a full disk is no reason");
    disk.failNext("replaceFile", "EROFS");
    const unwritable = await takeMark(disk, random, "/data");
    disk.failNext("readFile", "EIO");
    const unreadable = await takeMark(disk, random, "/data");

    assert.deepEqual([full, unwritable.ok, unreadable.ok], [undefined, false, false]);
    assert.deepEqual(await dataCheck(disk, "/data", full)(), { ok: true, value: undefined });
  });
});

describe("data mark: check", () => {
  it("knows the directory wherever it comes back from, and no other", async () => {
    const disk = await emptyDisk();
    const check = dataCheck(disk, "/data", must(await takeMark(disk, random, "/data"), "the mark"));
    const away = { ok: false, failure: { code: "supervisor.data-away", directory: "/data", errno: undefined } };

    assert((await check()).ok);
    must(await disk.rename("/data", "/moved"), "moving it away");
    assert.deepEqual(await check(), away);
    must(await disk.makeDirectory("/data"), "a mount point");
    assert.deepEqual(await check(), away);
    must(await takeMark(disk, random, "/data"), "that of another node");
    assert.deepEqual(await check(), away);
    must(await disk.removeTree("/data"), "removing it");
    must(await disk.rename("/moved", "/data"), "moving it back");
    assert((await check()).ok);
  });

  it("takes what cannot be read for away, and says so in one line that begins with what to do", async () => {
    const disk = await emptyDisk();
    const check = dataCheck(disk, "/data", must(await takeMark(disk, random, "/data"), "the mark"));
    disk.failNext("readFile", "EIO");

    const away = awayIn(await check());

    assert(away !== undefined);
    assert.match(describeAway(away), /^supervisor\.data-away: .*mount its disk again.* \(EIO: \/data\)$/);
  });
});

describe("disk of a cell: while the data directory is away", () => {
  it("makes nothing at its path, and does everything elsewhere and when it is back", async () => {
    const below = await emptyDisk();
    const mark = must(await takeMark(below, random, "/data"), "the mark");
    const disk = diskAtData(below, "/data", dataCheck(below, "/data", mark));
    const make = (path: string) => [
      () => disk.makeDirectory(path),
      () => disk.open(path, "create"),
      () => disk.open(path, "create-new"),
      () => disk.replaceFile(path, new Uint8Array(1)),
    ];
    must(await below.rename("/data", "/moved"), "moving it away");

    for (const path of ["/data", "/data/names", "/data/staging/journal"]) {
      for (const attempt of make(path)) {
        assert.deepEqual(await attempt(), fail(diskFailure("ENODEV", path)));
      }
    }
    for (const [index, attempt] of make("/database").entries()) {
      assert((await attempt()).ok, `${index}`);
      await disk.removeTree("/database");
    }
    must(await disk.rename("/moved", "/data"), "moving it back");
    for (const [index, attempt] of make("/data/names").entries()) {
      assert((await attempt()).ok, `${index}`);
      await disk.removeTree("/data/names");
    }
  });

  it("reads nothing of what is there instead, misses nothing, and changes nothing", async () => {
    const below = await emptyDisk();
    const mark = must(await takeMark(below, random, "/data"), "the mark");
    const disk = diskAtData(below, "/data", dataCheck(below, "/data", mark));
    const file = "/data/packs/1";
    for (const directory of ["/data/packs", "/other", "/other/packs"]) {
      must(await below.makeDirectory(directory), directory);
    }
    for (const path of [file, "/other/packs/1"]) must(await below.replaceFile(path, Buffer.from(path)), path);
    const attempts = [
      () => disk.list("/data/packs"),
      () => disk.readFile(file),
      () => disk.open(file, "read"),
      () => disk.open(file, "write"),
      () => disk.rename(file, "/data/packs/2"),
      () => disk.remove("/data/packs/2"),
      () => disk.removeTree("/data/packs"),
    ];
    must(await below.rename("/data", "/moved"), "moving it away");
    const whileAway = async (): Promise<unknown[]> => await Promise.all(attempts.map((attempt) => attempt()));
    const gone = await whileAway();
    must(await below.rename("/other", "/data"), "another one in its place");
    const replaced = await whileAway();

    for (const outcome of [...gone, ...replaced]) {
      assert(typeof outcome === "object" && outcome !== null && "failure" in outcome);
      assert.equal((outcome.failure as { errno?: string }).errno, "ENODEV");
    }
    assert.equal(below.openCount, 0);
    assert.equal(Buffer.from(must(await below.readFile(file), "it is there")).toString(), "/other/packs/1");
    must(await below.removeTree("/data"), "removing it");
    must(await below.rename("/moved", "/data"), "moving it back");
    assert.equal(Buffer.from(must(await disk.readFile(file), "it is back")).toString(), file);
    for (const attempt of attempts) assert((await attempt()).ok);
  });
});

describe("data mark: without the means to read it (SUP-31)", () => {
  for (const errno of ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]) {
    it(`the directory is not taken for away, and nothing is made there meanwhile (${errno})`, async () => {
      const below = await emptyDisk();
      const check = dataCheck(below, "/data", must(await takeMark(below, random, "/data"), "the mark"));
      const disk = diskAtData(below, "/data", check);

      below.failNext("readFile", errno);
      const checked = await check();
      below.failNext("readFile", errno);
      const made = await disk.makeDirectory("/data/names");

      assert.deepEqual(checked, { ok: false, failure: { code: "disk.broken", path, errno } });
      assert.deepEqual(made, { ok: false, failure: { code: "disk.broken", path: "/data/names", errno } });
      assert.equal(awayIn(checked), undefined);
      assert((await disk.makeDirectory("/data/names")).ok);
    });
  }

  it("lives of what stores there begin, once it is wired", async () => {
    const disk = await emptyDisk();
    const check = dataCheck(disk, "/data", must(await takeMark(disk, random, "/data"), "the mark"));
    const wired: string[] = [];
    const actorModule = {
      behavior: { name: "stores", init: () => "begun", handlers: {} },
      wire: async () => void wired.push("wired"),
    } as unknown as Parameters<typeof wireAtData>[0];
    const armed = async (): Promise<unknown> => {
      disk.failNext("readFile", "EMFILE");
      return await behavior.init(undefined as never, undefined as never);
    };
    disk.failNext("readFile", "EMFILE");
    const behavior = await wireAtData(actorModule, undefined as never, check);

    await assert.rejects(armed(), /EMFILE/);
    const before = [...wired];
    const lives = [await behavior.init(undefined as never, undefined as never), await armed()];

    assert.deepEqual([before, wired, lives], [[], ["wired"], ["begun", "begun"]]);
  });

  it("what was away is neither back nor told of again", async () => {
    const away = fail({ code: "supervisor.data-away", directory: "/data", errno: undefined } as const);
    const unclear = fail({ code: "disk.broken", path, errno: "EMFILE" } as const);
    const found = [unclear, away, unclear, away, ok(), unclear, ok()];
    const said: string[] = [];
    const clock = new ManualClock();
    const say = (name: string): void => void said.push(name);
    const claims = { keep: async () => ({ restored: [], door: ok(), data: found.shift() ?? ok() }), isRecorded: true };
    const keeper = new Keeper({
      claims: claims as never,
      clock,
      log: { ...silentLog, error: say, info: say },
      announcer: undefined as never,
      onSocketsGone: () => undefined,
      onDataBack: () => say("back"),
    });
    keeper.start();

    await clock.advance(found.length * KEEP_MS);
    keeper.close();

    assert.deepEqual(said, ["root.data-away", "root.data-back", "back"]);
  });
});
