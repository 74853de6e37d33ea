/**
 * The recovery with which a life begins: what the packs have lost, or have again, is settled before they are looked
 * through. A volume whose disk fails it is left out, and the rest is recovered as if that had not been there: it comes back
 * by itself, as one that was away.
 */

import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HOME_SLOT } from "#actors/storage/packs/pack-number.ts";
import { findLost, hadRecords, settleLost, takeBack } from "#actors/storage/recovery/lost-packs.ts";
import { Recovery, type RecoveryDeps, type RecoveryReport } from "#actors/storage/recovery/recovery.ts";
import type { SequenceMark } from "#actors/storage/recovery/sequence-mark.ts";
import type { VolumeSet } from "#actors/storage/spread/volume-set.ts";
import { must } from "#runtime/errors.ts";

/** Whether there are no packs at all. A volume that does not let its packs be listed may hold some. */
export async function isEmpty(files: PackFiles, volumes: VolumeSet | undefined): Promise<boolean> {
  const home = must(await files.list([HOME_SLOT]), "the packs can be listed");
  const others = await files.list(volumes?.slots ?? []);
  return home.length === 0 && others.ok && others.value.length === 0;
}

export async function recoverAll(
  deps: Omit<RecoveryDeps, "slots" | "keepsUnclaimed" | "isLacking"> & { readonly mark: Pick<SequenceMark, "note"> },
  volumes: VolumeSet | undefined,
): Promise<RecoveryReport> {
  const { catalog, files, pause } = deps;
  must(await takeBack(HOME_SLOT, deps), "what is back can be read");
  const lost = must(await findLost(files, catalog, [HOME_SLOT]), "the packs can be listed");
  await settleLost(lost.filter(hadRecords), deps);
  await volumes?.compare(files, catalog, pause);
  for (;;) {
    const recovery = new Recovery({
      ...deps,
      slots: [HOME_SLOT, ...(volumes?.slots ?? [])],
      keepsUnclaimed: volumes !== undefined,
      isLacking: volumes?.isLacking ?? false,
    });
    const report = await recovery.run();
    if (report.failed === undefined && volumes?.isNamed === true) await deps.mark.note(report.lastSequence);
    if (report.failed === undefined || deps.isOver()) return report;
    // One volume less each time.
    await volumes?.leaveOut(report.failed);
  }
}
