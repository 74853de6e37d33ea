/**
 * How fast what is stored is read again and compared, beside `restic check --read-data` on the same object.
 *
 * The node's limit for maintenance is lifted: by default it is what a scrub is bound by. Everything is in the page cache.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Measurement, median } from "#bench/measurement.ts";
import { UNLIMITED_UPKEEP } from "#bench/node-settings.ts";
import type { StorePeers } from "#bench/peers-of-store.ts";
import { cpuSeconds } from "#bench/process-figures.ts";
import { dataPid, type RunningNode, startNode } from "#bench/running-node.ts";
import { sideBySide } from "#bench/side-by-side.ts";
import { TemporaryFolder } from "#bench/temporary.ts";
import { putRate, timed, writeRandom } from "#bench/transfer.ts";
import { takeTurns } from "#bench/turns.ts";
import { type Facts, factsIn, getText, sendText } from "#cli/http.ts";
import { must } from "#runtime/errors.ts";
import { GiB, MiB, second } from "#runtime/units.ts";

const SIZE_BYTES = 1 * GiB;
const ROUNDS = 3;
const TIMEOUT_MS: number = 30 * second;
const LOOK_MS = 20;

export async function* benchScrub(cache: string, { restic }: StorePeers): AsyncGenerator<Measurement> {
  using folder = new TemporaryFolder(cache, "scrub-");
  const file = join(folder.path, "object");
  await using node = await startNode(cache, { settings: UNLIMITED_UPKEEP });
  using repository = await restic?.open("auto");
  const address = writeRandom(file, SIZE_BYTES);
  const put = await putRate(node, file, SIZE_BYTES);
  if (put.address !== address) throw new Error(`the node says ${put.address}, the file is ${address}`);
  await repository?.backup(file);

  const pid = await dataPid(node);
  const perCore: number[] = [];
  const { cepa = [], ...peers } = await takeTurns(
    {
      cepa: async () => {
        const before = cpuSeconds(pid);
        const seconds = await timed(() => scrub(node));
        perCore.push(SIZE_BYTES / MiB / (cpuSeconds(pid) - before));
        return SIZE_BYTES / MiB / seconds;
      },
      "restic check --read-data":
        repository && (async () => SIZE_BYTES / MiB / (await timed(() => repository.check()))),
    },
    ROUNDS,
  );
  yield* sideBySide({ name: "store.scrub", unit: "MiB/s", samples: cepa, peers });
  yield { name: "store.scrub-per-core", value: median(perCore), unit: "MiB/s", samples: perCore };
}

/** It ends when everything was read since, and nothing is damaged. */
export async function scrub({ url }: Pick<RunningNode, "url">): Promise<void> {
  const beganMs = Date.now();
  must(factsIn(await sendText(`${url}/scrub`, { method: "POST" }, TIMEOUT_MS), 202, "damaged"), "asking for a scrub");
  for (;;) {
    const facts: Facts = must(factsIn(await getText(`${url}/scrub`, TIMEOUT_MS), 200, "damaged"), "asking how it goes");
    if (facts["isRunning"] === true) {
      await pause(LOOK_MS);
      continue;
    }
    const isAll = Date.parse(String(facts["oldestVerifiedAt"])) >= beganMs && facts["dueBytes"] === 0;
    if (!isAll || facts["damagedRecords"] !== 0) throw new Error(`a scrub ended with ${JSON.stringify(facts)}`);
    return;
  }
}
