/** Where the packs of a workload are: in its data directory, or on six volumes beside them; and that directory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { VolumeConfig } from "#actors/storage/volume-config.ts";
import { MiB } from "#runtime/units.ts";
import { type StorageKit, within } from "#test/actors/storage/storage-kit.ts";

export type Layout = "home" | "volumes";

export function configOf(layout: Layout, directory: string): Partial<StorageConfig & VolumeConfig> {
  if (layout === "home") return {};
  const volumes = [1, 2, 3, 4, 5, 6].map((number) => `${directory}/v${number}`);
  return { volumes, erasure: "4+2", writeQuotaBytes: 64 * MiB, repairDelayMs: 0 };
}

/** Until repair has nothing to do; what it left it is told to try again, which it would by itself in a minute. */
export async function mended({ ref }: Pick<StorageKit, "ref">): Promise<void> {
  for (;;) {
    const facts = await ref.call("describeVolumes", {}, within);
    const repair = facts.ok ? facts.value.repair : undefined;
    // What is lost is told by who asks for it.
    if (repair?.state === "waiting" && repair.backlogCount > repair.lostCount) {
      await ref.call("repair", { action: "now" }, within);
    } else if (repair !== undefined && repair.state !== "running") return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** A directory for as long as it is used. */
export async function inDirectory<Value>(use: (directory: string) => Promise<Value>): Promise<Value> {
  const directory = await mkdtemp(join(tmpdir(), "cepa-points-"));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
