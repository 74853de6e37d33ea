/** Uploads in pieces, beside the store of one incarnation; closed before it. */

import type { StoreDeps } from "#actors/storage/open-store.ts";
import { StagedObjects } from "#actors/storage/staging/staged-objects.ts";
import { Staging } from "#actors/storage/staging/staging.ts";
import { UploadLog } from "#actors/storage/staging/upload-log.ts";
import type { Store } from "#actors/storage/store.ts";

type Deps = Pick<StoreDeps, "config" | "directory" | "disk" | "onDefect" | "onJournalDamaged"> & {
  readonly store: Store;
};
type Life = Pick<StoreDeps, "clock" | "log" | "random" | "scope" | "signal">;

export function openStaging({ store, ...deps }: Deps, { clock, log, random, scope, signal }: Life): Staging {
  const { relief, space } = store;
  const files = new UploadLog({ ...deps, random, space, relief });
  const objects = new StagedObjects({ ...deps, clock, space, files, log, put: (...put) => store.put(...put) });
  scope.add(async () => {
    await objects.close();
    await files.close();
  });
  return new Staging({ ...deps, clock, random, space, intake: () => store.intake, log: files, objects, signal });
}
