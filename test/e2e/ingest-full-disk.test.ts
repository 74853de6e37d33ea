/**
 * A real node whose disk is full while its Postgres takes no rows, and then is killed: what the node acknowledged is on that disk,
 * what it could not keep stays in the stream, it says why nothing more comes in, and when Postgres is back all of it is there, once.
 *
 * Postgres says that it has no room itself. While it does not answer at all, tokens count for a second (`REVOCATION_LATE_MS`), and
 * nothing more is judged: what comes within a second fills no disk for certain.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseSegmentName, readSegment } from "#actors/ingest/spill/segment-file.ts";
import { decodeRow } from "#actors/ingest/spill/spilled-row.ts";
import { mustBeKept, storedIds, unacknowledgedIds } from "#test/kit/event-fates.ts";
import { EventLoad } from "#test/kit/event-load.ts";
import { takeNoRows, takeRows } from "#test/kit/full-postgres.ts";
import { eventually, temporaryDataDirectory } from "#test/kit/node.ts";
import { POINTS_STEP } from "#test/kit/points.ts";
import { comeByShell, type ShellProducer } from "#test/kit/shell-producer.ts";
import { type BehindProxies, startBehindProxies } from "#test/kit/steps/behind-proxies.ts";
import { killProcess } from "#test/kit/steps/kill-process.ts";
import { type WorkNode, workMissing } from "#test/kit/work-node.ts";

/** More than twice what the small disk takes. */
const EVENTS = 10_000;

const rootMissing = process.getuid?.() === 0 ? undefined : "only root can mount a small file system";
/** It takes a quarter of a minute, most of it waiting. */
const tooLong = POINTS_STEP === undefined ? "./cepa verify runs it, and whoever sets CEPA_POINTS" : undefined;
const skip = workMissing ?? rootMissing ?? tooLong ?? false;
const started = skip === false ? await startBehindProxies() : undefined;

describe("ingest: a disk that is full while Postgres is away", { skip }, () => {
  const { servers, watch, urls } = started ?? ({} as BehindProxies);
  const dataDirectory = temporaryDataDirectory();
  const [image, small] = [`${dataDirectory}.image`, join(dataDirectory, "ingest")];
  let work: WorkNode;
  let producer: ShellProducer;
  before(async () => {
    mkdirSync(small);
    execFileSync("truncate", ["-s", "4M", image]);
    execFileSync("mkfs.ext4", ["-q", "-m", "0", image]);
    execFileSync("mount", ["-o", "loop", image, small]);
    // Nothing of the small disk is left to chance: the spill would be allowed much more.
    work = await servers.node({ urls, dataDirectory });
    producer = await comeByShell(work, "steady");
  });
  after(async () => {
    await work?.stop();
    execFileSync("umount", ["-l", small]);
    rmSync(image);
    await work?.dispose();
  });

  it("acknowledges what is durable and nothing else, says so, and has all of it when Postgres is back", async (context) => {
    const redis = work.open(servers.urls.redis);
    const { token, subjectId } = producer;
    const common = { redis, token, subjectId };
    // So that token and binding are known: of what is not, nothing can be said while Postgres is away.
    const before = new EventLoad({ ...common, ratePerSecond: 1000 });
    await eventually(10_000, "some are rows", async () => (await storedIds(work)).length > 0);
    await before.stop();
    await mustBeKept(work, [before], { withinMs: 10_000, about: "before" });

    await takeNoRows(work);
    const during = new EventLoad({ ...common, ratePerSecond: 4000, batchCount: 100 });
    await eventually(20_000, "there is more than the disk takes", () => during.eventIds.size >= EVENTS);
    let said = "";
    await eventually(15_000, "ingest says that the disk is full", async () => {
      said = (await work.node.actor("ingest")).reason ?? "";
      return /ingest\.spill-full: disk/.test(said);
    });
    await during.stop();
    await servers.postgres.kill();
    await killProcess(await work.pidOf("cell", "work"));

    const unacknowledged = await unacknowledgedIds(work);
    const spilled = spilledIds(join(small, "spill"));
    const acknowledged = [...during.eventIds].filter((id) => !unacknowledged.has(id));
    const gone = acknowledged.filter((id) => !spilled.has(id));
    const counts = { acknowledged: acknowledged.length, spilled: spilled.size, unacknowledged: unacknowledged.size };
    context.diagnostic(JSON.stringify({ said, ...counts }));
    assert.deepEqual(gone, [], "what was acknowledged is on the disk");
    assert(acknowledged.length > 0 && unacknowledged.size > 0, JSON.stringify(counts));

    // The first that is written then is what was spilled. It dies once more before it hears that it was.
    const cellPid = async (): Promise<number> => await work.pidOf("cell", "work");
    await eventually(20_000, "the cell lives again", async () => (await cellPid()) !== 0);
    const victim = await cellPid();
    const replayed = watch.at("insert done", 1, async () => {
      await killProcess(victim);
      return "cut";
    });
    await servers.postgres.start();
    await takeRows(work);
    await replayed;

    const kept = await mustBeKept(work, [before, during], { withinMs: 60_000, about: counts });
    context.diagnostic(JSON.stringify({ sentAgain: during.repeatedCount, ...kept }));
    await eventually(10_000, "ingest is well", async () => (await work.node.actor("ingest")).reason === undefined);
    assert.deepEqual(spilledIds(join(small, "spill")), new Set(), "nothing is left on the disk");
    await redis.close();
  });
});

function spilledIds(directory: string): ReadonlySet<string> {
  const ids = readdirSync(directory).flatMap((name) => {
    const segment = parseSegmentName(name);
    if (segment === undefined) return [];
    const { records } = readSegment(segment.salt, readFileSync(join(directory, name)));
    return records.map((record) => decodeRow(record)?.eventId ?? assert.fail("what is there can be read"));
  });
  return new Set(ids);
}
