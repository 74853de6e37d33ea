/**
 * What six volumes with 4+2 cost beside the data directory alone, all on one disk: puts, gets, gets with two volumes away, and
 * how fast one that is lost is made again on the others.
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beside, type Measurement } from "#bench/measurement.ts";
import { cpuSeconds } from "#bench/process-figures.ts";
import { dataPid, type RunningNode, startNode } from "#bench/running-node.ts";
import { TemporaryFolder } from "#bench/temporary.ts";
import { getRate, putRate, writeRandom } from "#bench/transfer.ts";
import { getText, sendText } from "#cli/http.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { MiB, second } from "#runtime/units.ts";

const SIZE_BYTES: number = 512 * MiB;
const SETTINGS = {
  CEPA_STORAGE_ERASURE: "4+2",
  CEPA_STORAGE_REPAIR_BYTES_PER_SECOND_MAX: "64GiB",
  CEPA_STORAGE_REPAIR_OPS_PER_SECOND_MAX: "1000000",
};
const TIMEOUT_MS: number = 30 * second;
const LOOK_MS = 50;

export async function* benchVolumes(folder: string): AsyncGenerator<Measurement> {
  using temporary = new TemporaryFolder(folder, "volumes-");
  const file = join(temporary.path, "object");
  const address = writeRandom(file, SIZE_BYTES);
  await using one = await startNode(folder);
  await using six = await startNode(folder, { volumes: 6, settings: SETTINGS });
  const path = `/o/${address}`;
  const alone = await putRate(one, file, SIZE_BYTES);
  const spread = await putRate(six, file, SIZE_BYTES);
  if (spread.address !== address) throw new Error(`the node says ${spread.address}, the file is ${address}`);
  yield beside({ name: "volumes.put-4+2", value: spread.rate, unit: "MiB/s" }, "one directory", alone.rate);

  const plain = await getRate(one.port, path, SIZE_BYTES, undefined);
  await getRate(six.port, path, SIZE_BYTES, address);
  const healthy = await getRate(six.port, path, SIZE_BYTES);
  yield beside({ name: "volumes.get-4+2", value: healthy, unit: "MiB/s" }, "one directory", plain);

  for (const number of [1, 2]) renameSync(volume(six, number), `${volume(six, number)}.away`);
  await getRate(six.port, path, SIZE_BYTES, address);
  const degraded = await getRate(six.port, path, SIZE_BYTES);
  yield beside({ name: "volumes.get-4+2-two-lost", value: degraded, unit: "MiB/s" }, "one directory", plain);
  yield* rebuild(six);
}

/** Of what was on two lost volumes, in the profile that the others allow. Rates are of the objects' bytes. */
async function* rebuild(node: RunningNode): AsyncGenerator<Measurement> {
  const pid = await dataPid(node);
  const cpuBefore = cpuSeconds(pid);
  const startedMs = performance.now();
  must(await sendText(`${node.url}/repair?action=now`, { method: "POST" }, TIMEOUT_MS), "asking for repair");
  for (;;) {
    const { state, repairedCount } = await repairOf(node);
    if (state === "idle" && repairedCount > 0) break;
    await pause(LOOK_MS);
  }
  const seconds = (performance.now() - startedMs) / second;
  yield { name: "volumes.rebuild", value: SIZE_BYTES / MiB / seconds, unit: "MiB/s" };
  const spent = cpuSeconds(pid) - cpuBefore;
  if (spent > 0) yield { name: "volumes.rebuild-per-core", value: SIZE_BYTES / MiB / spent, unit: "MiB/s" };
}

async function repairOf(node: RunningNode): Promise<{ readonly state: unknown; readonly repairedCount: number }> {
  const answer = must(await getText(`${node.url}/volumes`, TIMEOUT_MS), "asking for volumes");
  const facts = parseJson(answer.body);
  const repair = isRecord(facts) && isRecord(facts["repair"]) ? facts["repair"] : {};
  return { state: repair["state"], repairedCount: Number(repair["repairedCount"] ?? 0) };
}

function volume({ data }: RunningNode, number: number): string {
  return join(data, `v${number}`);
}
