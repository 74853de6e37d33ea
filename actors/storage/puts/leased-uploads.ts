/** Large objects into packs of the data directory, each in packs of its own. */

import type { PackPool } from "#actors/storage/packs/pack-pool.ts";
import type { ObjectUpload } from "#actors/storage/puts/object-upload.ts";
import type { LargePuts } from "#actors/storage/puts/put-object.ts";
import { Upload, type UploadDeps, type UploadOptions } from "#actors/storage/puts/upload.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";

export class LeasedUploads implements LargePuts {
  readonly #pool: PackPool;
  readonly #deps: UploadDeps;
  /** They write the slabs themselves. */
  readonly extraBytes = 0;

  constructor(pool: PackPool, deps: UploadDeps) {
    this.#pool = pool;
    this.#deps = deps;
  }

  async begin(options: UploadOptions, signal: AbortSignal): Promise<Result<ObjectUpload, DiskFailure> | undefined> {
    const leased = await this.#pool.lease(signal);
    if (!leased?.ok) return leased;
    return ok(new Upload(leased.value, this.#deps, options));
  }
}
