/** Large objects to volumes. What bounds them is the memory that each reserves before its first byte. */

import { CHUNK_PROFILES } from "#actors/domain/chunk-profiles.ts";
import type { ObjectUpload } from "#actors/storage/puts/object-upload.ts";
import type { LargePuts } from "#actors/storage/puts/put-object.ts";
import type { UploadOptions } from "#actors/storage/puts/upload.ts";
import { SpreadUpload, type SpreadUploadDeps } from "#actors/storage/spread/spread-upload.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";

/** Of a chunk, its parity with two data shards and two of parity: as much again. */
const PARITY_OVERHEAD = 1;

export class SpreadUploads implements LargePuts {
  readonly #deps: SpreadUploadDeps;
  /** A chunk is gathered while another one and its parity are written. */
  readonly extraBytes: number;

  constructor(deps: SpreadUploadDeps) {
    this.#deps = deps;
    const longest = Math.max(...Object.values(CHUNK_PROFILES).map(({ bytesMax }) => bytesMax));
    this.extraBytes = (2 + PARITY_OVERHEAD) * longest;
  }

  async begin(options: UploadOptions, signal: AbortSignal): Promise<Result<ObjectUpload, DiskFailure> | undefined> {
    return signal.aborted ? undefined : ok(new SpreadUpload(this.#deps, options));
  }
}
