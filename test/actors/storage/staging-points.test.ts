/**
 * Every point at which uploads in pieces make something durable, on a real disk: the process is killed there, or the
 * call fails, or writes short, or the power goes. An upload is then at least where it was said to be; it goes on there
 * and becomes the object that was sent; what was cancelled is gone; and the second start finds what the first one made
 * of it (STO-15, STO-16).
 *
 * `CEPA_POINTS=all` takes every point, `=N` every Nth; otherwise some.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Digest, parseDigest } from "#actors/domain/address.ts";
import type { UploadId } from "#actors/domain/upload.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { inDirectory } from "#test/actors/storage/points/layout.ts";
import { startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { codeOf, long, mustAppend, mustStat, stat } from "#test/actors/storage/staging-kit.ts";
import { REAL_MS, whole } from "#test/actors/storage/storage-kit.ts";
import { CutDisk, provideCutDisk } from "#test/kit/cut-disk.ts";
import { type Fault, type FaultedRun, libraryOfSuite, runFaulted } from "#test/kit/faults.ts";
import { runHost, type Said, type Surroundings } from "#test/kit/host.ts";
import { partsOf, pointsOf } from "#test/kit/points.ts";
import { provideCompiler } from "#test/kit/provide.ts";

const HOST = join(import.meta.dirname, "points/sending-host.ts");
/** From one point to the next, where not all of them are taken. */
const STEP = 80;

/** Where an upload is said to be durable before it is. */
const CARELESS = {
  file: "actors/storage/staging/append-upload.ts",
  from: "const synced = await disk.sync(descriptor);",
  to: "const synced = ok();",
};

/** What was answered of an upload. */
interface Sent {
  readonly upload: UploadId;
  offsetBytes: number;
  manifest: Digest | undefined;
  state: "held" | "uncertain" | "cancelled";
}

function sentOf({ lines }: Said): ReadonlyMap<number, Sent> {
  const sent = new Map<number, Sent>();
  for (const line of lines) {
    const [what, number, said = ""] = line.split(" ");
    const seed = Number(number);
    if (what === "begun") {
      sent.set(seed, { upload: said as UploadId, offsetBytes: 0, manifest: undefined, state: "held" });
      continue;
    }
    const one = sent.get(seed);
    if (one === undefined) continue;
    if (what === "at") one.offsetBytes = Math.max(one.offsetBytes, Number(said));
    if (what === "stored") one.manifest = parseDigest(said);
    if (what === "cancelling") one.state = "uncertain";
    if (what === "cancelled") one.state = "cancelled";
  }
  return sent;
}

const isDone = ({ lines }: Said): boolean => lines.at(-1) === "done";

async function check(
  directory: string,
  said: Said,
  where: string,
  between = async (): Promise<void> => {},
): Promise<void> {
  const sent = sentOf(said);
  for (const start of ["first", "second"]) {
    const kit = await startRealStorage(directory);
    await whole(kit, REAL_MS);
    for (const [seed, one] of sent) {
      const what = `${where}, ${start} start: the upload of object ${seed}`;
      const found = await stat(kit, one.upload, long);
      if (one.state === "cancelled") assert.equal(codeOf(found), "storage.upload-unknown", what);
      if (one.state !== "held") continue;
      assert(found.ok, `${what} is there: ${JSON.stringify(found)}`);
      const { offsetBytes } = found.value;
      assert(offsetBytes >= one.offsetBytes, `${what} is at ${offsetBytes}, ${one.offsetBytes} was answered`);
      const bytes = objectOf(seed);
      if (offsetBytes < bytes.length) await mustAppend(kit, one.upload, offsetBytes, bytes.subarray(offsetBytes));
      const { stored } = await mustStat(kit, one.upload, long);
      assert(stored !== undefined, `${what} became an object`);
      one.manifest ??= stored.manifest;
      assert.equal(stored.manifest, one.manifest, `${what} is the object that it was`);
      one.offsetBytes = bytes.length;
      const got = await readObject(kit.ref, stored.manifest);
      assert(got instanceof Uint8Array && bytes.equals(got), `${what} has its bytes`);
    }
    await kit.close();
    if (start === "first") await between();
  }
}

const cutSkip = (await provideCutDisk()) ?? false;

describe("storage: every point of persistence of uploads in pieces", {
  skip: (await provideCompiler()) ?? false,
}, () => {
  const library = libraryOfSuite();

  async function run(
    directory: string,
    fault: Fault,
    at: number,
    plant?: Surroundings["plant"],
  ): Promise<FaultedRun<Said>> {
    return await runFaulted(library(), directory, { fault, at }, (env) => runHost(HOST, [directory], { env, plant }));
  }

  async function pointsIn(directory: string, fault: Fault): Promise<readonly number[]> {
    const { told, lines } = await run(directory, fault, 0);
    assert(isDone(told), `an undisturbed run comes to its end: ${told.errors}`);
    assert.equal(sentOf(told).size, 4);
    const all = lines.map((_, at) => at + 1);
    return pointsOf(all, STEP);
  }

  const parts = (["kill", "EIO", "ENOSPC", "short-full"] as const).flatMap((fault) =>
    partsOf(2).map((part) => ({ fault, part })),
  );
  for (const { fault, part } of parts) {
    it(`loses nothing that was answered: ${fault}${part.name}`, async (context) => {
      const points = part.of(await inDirectory((directory) => pointsIn(directory, fault)));
      let hits = 0;
      let unfinished = 0;
      for (const at of points) {
        await inDirectory(async (directory) => {
          const { told, lines } = await run(directory, fault, at);
          if (lines.some(({ what }) => what === "fault")) hits += 1;
          assert(fault !== "kill" || !isDone(told));
          if ([...sentOf(told).values()].some(({ manifest, state }) => manifest === undefined && state === "held")) {
            unfinished += 1;
          }
          await check(directory, told, `${fault} at ${at}`);
        });
      }
      context.diagnostic(`${points.length} points, ${hits} were reached, ${unfinished} left an upload unfinished`);
      assert(hits >= points.length * 0.8);
    });
  }

  describe("where the power is cut", { skip: cutSkip }, () => {
    for (const part of partsOf(4)) {
      it(`loses nothing that was answered${part.name}`, async (context) => {
        const points = part.of([...(await inDirectory((directory) => pointsIn(directory, "kill"))), 0]);
        for (const at of points) {
          await using disk = await CutDisk.make();
          await disk.powerOn();
          const { told } = await run(disk.directory, "kill", at);
          await disk.cutPower();
          await disk.powerOn();
          await check(disk.directory, told, `the power was cut at ${at}`, async () => {
            await disk.cutPower();
            await disk.powerOn();
          });
        }
        context.diagnostic(`${points.length} points`);
      });
    }

    it("is seen to lose what was answered where a piece is not synced", async (context) => {
      const { lines } = await inDirectory((directory) => run(directory, "kill", 0, CARELESS));
      const pieces = lines.flatMap(({ givenBytes, path }, at) =>
        givenBytes > 100_000 && /\/staging\//.test(path) ? [at + 1] : [],
      );
      // Some were answered before.
      const at = pieces[3] ?? assert.fail("there are pieces");
      await using disk = await CutDisk.make();
      await disk.powerOn();
      const { told } = await run(disk.directory, "kill", at, CARELESS);
      assert(!isDone(told) && [...sentOf(told).values()].some(({ offsetBytes }) => offsetBytes > 0));
      await disk.cutPower();
      await disk.powerOn();
      const lost = await check(disk.directory, told, "without a sync").then(() => undefined, String);
      context.diagnostic(String(lost));
      assert.match(String(lost), /storage\.upload-damaged/);
    });
  });
});
