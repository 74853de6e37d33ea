/** Snapshots, holders, and the watcher on a memory disk under a manual clock. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigHolder, configSnapshot } from "#runtime/config/snapshot.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { type ConfigReport, ConfigWatcher, configDebounceMs, configDebounceMsMax } from "#runtime/config/watcher.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

const path = "/cepa.toml";

interface Started {
  readonly disk: MemoryDisk;
  readonly clock: ManualClock;
  readonly watcher: ConfigWatcher;
  readonly offered: ConfigTable[];
  readonly reports: ConfigReport[];
  write(text: string): Promise<void>;
}

async function start(answer: () => Promise<Result<void, Failure>> = async () => ok()): Promise<Started> {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const offered: ConfigTable[] = [];
  const reports: ConfigReport[] = [];
  const write = async (text: string): Promise<void> => {
    await disk.replaceFile(path, Buffer.from(text));
    await clock.settle();
  };
  await write("a = 1");
  const offer = (candidate: ConfigTable): Promise<Result<void, Failure>> => {
    offered.push(candidate);
    return answer();
  };
  const report = (one: ConfigReport): void => void reports.push(one);
  const watcher = new ConfigWatcher({ disk, clock, path, inForce: Buffer.from("a = 1"), offer, report });
  return { disk, clock, watcher, offered, reports, write };
}

describe("config: snapshot", () => {
  it("is a copy, frozen to the last level", () => {
    const raw = { gateway: { ports: [1] } };

    const snapshot = configSnapshot(1, raw);
    raw.gateway.ports.push(2);

    assert.deepEqual(snapshot, { version: 1, raw: { gateway: { ports: [1] } } });
    const gateway = snapshot.raw["gateway"];
    assert(typeof gateway === "object" && "ports" in gateway);
    assert(Object.isFrozen(snapshot) && Object.isFrozen(gateway) && Object.isFrozen(gateway.ports));
  });

  it("is held and swapped, and the swap can be undone", () => {
    const holder = new ConfigHolder({ value: 1 });

    const previous = holder.swap({ value: 2 });
    const swapped = holder.current;
    holder.swap(previous);

    assert.deepEqual([previous, swapped, holder.current], [{ value: 1 }, { value: 2 }, { value: 1 }]);
    assert(Object.isFrozen(swapped));
  });
});

describe("config: watcher", () => {
  it("offers what the file says once it has rested, and not before", async () => {
    const { clock, offered, reports, write } = await start();

    await write("a = 2");
    await clock.advance(configDebounceMs - 1);
    const early = offered.length;
    await clock.advance(1);

    assert.equal(early, 0);
    assert.deepEqual(offered, [{ a: 2 }]);
    assert.deepEqual(reports, [{ kind: "accepted", raw: { a: 2 } }]);
  });

  it("waits for the end of a series of changes, but not for ever", async () => {
    const { clock, offered, write } = await start();

    for (let ms = 0; ms < configDebounceMsMax; ms += 100) {
      await write(`a = ${ms + 2}`);
      assert.deepEqual(offered, [], `after ${ms} ms`);
      await clock.advance(100);
    }

    assert.equal(offered.length, 1);
  });

  it("does nothing when the contents are those in force", async () => {
    const { clock, offered, reports, write } = await start();

    await write("a = 1");
    await clock.advance(configDebounceMs);

    assert.deepEqual(offered, []);
    assert.deepEqual(reports, [{ kind: "unchanged" }]);
  });

  it("keeps what is in force and says why when the file does not parse, is gone or cannot be read", async () => {
    const { disk, clock, offered, reports, write } = await start();

    await write("a = = 2");
    await clock.advance(configDebounceMs);
    await disk.remove(path);
    await clock.advance(configDebounceMs);
    await write("a = 3");
    disk.failNext("readFile", "EIO");
    await clock.advance(configDebounceMs);

    assert.deepEqual(offered, []);
    const problems = reports.map(
      (report) => report.kind === "kept" && "problem" in report.failure && report.failure.problem,
    );
    assert.equal(reports.length, 3);
    assert.deepEqual(problems.slice(1), ["disk.not-found", "EIO"]);
  });

  it("keeps what is in force when the candidate is refused, and offers it again with the next change", async () => {
    let refuse = true;
    const refusal = { code: "config.refused" };
    const { clock, offered, reports, write } = await start(async () => (refuse ? fail(refusal) : ok()));

    await write("a = 2");
    await clock.advance(configDebounceMs);
    refuse = false;
    await write("a = 2");
    await clock.advance(configDebounceMs);
    await write("a = 2");
    await clock.advance(configDebounceMs);

    assert.deepEqual(offered, [{ a: 2 }, { a: 2 }]);
    assert.deepEqual(reports, [
      { kind: "kept", failure: refusal },
      { kind: "accepted", raw: { a: 2 } },
      { kind: "unchanged" },
    ]);
  });

  it("offers one candidate at a time, and the newest when the file changed meanwhile", async () => {
    const answers: (() => void)[] = [];
    const answer = () => new Promise<Result<void, Failure>>((resolve) => answers.push(() => resolve(ok())));
    const { clock, offered, write } = await start(answer);

    await write("a = 2");
    await clock.advance(configDebounceMs);
    await write("a = 3");
    await clock.advance(configDebounceMs);
    await write("a = 4");
    await clock.advance(configDebounceMs);
    const during = [...offered];
    answers[0]?.();
    await clock.settle();

    assert.deepEqual(during, [{ a: 2 }]);
    assert.deepEqual(offered, [{ a: 2 }, { a: 4 }]);
  });

  it("can be told to look now", async () => {
    const { disk, clock, watcher, offered } = await start();
    await disk.replaceFile(path, Buffer.from("a = 5"));

    await watcher.reload();

    assert.deepEqual(offered, [{ a: 5 }]);
    await clock.advance(configDebounceMsMax);
    assert.equal(offered.length, 1);
  });

  it("stops at close and leaves no timer behind", async () => {
    const { clock, watcher, offered, write } = await start();

    await write("a = 2");
    watcher.close();
    await write("a = 3");
    await clock.advance(configDebounceMsMax);

    assert.deepEqual(offered, []);
    assert.equal(clock.armedCount, 0);
  });
});
