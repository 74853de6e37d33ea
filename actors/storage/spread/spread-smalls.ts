/** Small objects to volumes. Those that arrive together share the batches of the volumes that they go to. */
import { digestFromBytes } from "#actors/domain/address.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { SmallCommit, SmallObject } from "#actors/storage/puts/group-commit.ts";
import type { Space } from "#actors/storage/space.ts";
import { SpreadPut, type SpreadPutDeps } from "#actors/storage/spread/spread-put.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, type Result } from "#runtime/errors.ts";

export class SpreadSmalls {
  readonly #deps: SpreadPutDeps;
  readonly #space: Space;

  constructor(deps: SpreadPutDeps, space: Space) {
    this.#deps = deps;
    this.#space = space;
  }

  async put(small: SmallObject): Promise<Result<SmallCommit, StorageFull | WriteFailed>> {
    const put = new SpreadPut(this.#deps, small.keepUntilMs);
    try {
      const committed = await this.#commit(put, small);
      return committed.ok ? committed : fail(await writeFailure(committed.failure, this.#space));
    } finally {
      put.close();
    }
  }

  async #commit(
    put: SpreadPut,
    { chunks, manifest, object, sizeBytes }: SmallObject,
  ): Promise<Result<SmallCommit, DiskFailure>> {
    const links = chunks.map(({ digests }) => ({
      length: digests.lengthBytes,
      digest: digestFromBytes(digests.digest),
    }));
    const written = await Promise.all(
      chunks.map(({ digests, payload }) => put.putChunk(digestFromBytes(digests.digest), payload, digests)),
    );
    const failed = written.find(({ ok: isWritten }) => !isWritten);
    if (failed?.ok === false) return failed;
    return await put.commit({ object, sizeBytes, links, tree: { inner: [], root: manifest } });
  }
}
