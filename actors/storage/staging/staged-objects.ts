/**
 * Complete uploads on their way into the store, through an ordinary put: few at a time, each once.
 *
 * That goes on when nobody waits for it any more. What fails for a reason that may pass stays as it is, for the next who
 * asks; what fails for good ends the upload, and it is remembered why.
 */

import type { UploadId } from "#actors/domain/upload.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type {
  PutFailure,
  PutObject,
  StorageNotReady,
  StorageProtocol,
  StoredObject,
} from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import { StagedSource } from "#actors/storage/staging/staged-source.ts";
import type { StagedUpload } from "#actors/storage/staging/upload-book.ts";
import type { UploadLog } from "#actors/storage/staging/upload-log.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import { LruCache } from "#runtime/lru-cache.ts";
import { Permits } from "#runtime/permits.ts";
import type { FailureOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";

/** Uploads that are stored at once; further ones wait in line. */
export const UPLOADS_STORED_AT_ONCE_MAX = 4;
/** Uploads that were ended here of which it is remembered why, the last ones. */
export const UPLOADS_REFUSED_MAX = 256;

export interface StagedObjectsDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly space: Space;
  readonly files: UploadLog;
  readonly log: Log;
  readonly put: (put: PutObject, within: Within) => Promise<Result<StoredObject, PutFailure | StorageNotReady>>;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
}

const damaged = { code: "storage.upload-damaged" } as const;

type StoreFailure = FailureOf<StorageProtocol, "statUpload">;
type Outcome = Result<void, StoreFailure>;

export class StagedObjects {
  readonly #deps: StagedObjectsDeps;
  readonly #line: Permits;
  readonly #over = new AbortController();
  readonly #storing = new Map<UploadId, Promise<Outcome>>();
  readonly #refused = new LruCache<UploadId, StoreFailure>(
    () => UPLOADS_REFUSED_MAX,
    () => 1,
  );
  readonly #within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: this.#over.signal };

  constructor(deps: StagedObjectsDeps) {
    this.#deps = deps;
    this.#line = new Permits({
      clock: deps.clock,
      requestsMax: UPLOADS_STORED_AT_ONCE_MAX,
      bytesMax: 0,
      waitingMax: Number.MAX_SAFE_INTEGER,
    });
  }

  isStoring(upload: UploadId): boolean {
    return this.#storing.has(upload);
  }

  /** Why it was ended here: it may be over before its client asks what became of it. */
  whyEnded(upload: UploadId): StoreFailure | undefined {
    return this.#refused.get(upload);
  }

  /** Begins to store it, unless that has begun, or is done. */
  store(upload: UploadId): void {
    void this.#begin(upload);
  }

  /** Waits for it up to `waitMs`; ok also where it is not stored by then. */
  async storeWithin(upload: UploadId, waitMs: number, { signal }: Within): Promise<Outcome> {
    const storing = this.#begin(upload);
    return await new Promise((resolve) => {
      const giveUp = (): void => resolve(ok());
      const timer = this.#deps.clock.after(waitMs, giveUp);
      signal.addEventListener("abort", giveUp);
      void storing.then((outcome) => {
        timer.cancel();
        signal.removeEventListener("abort", giveUp);
        resolve(outcome);
      });
    });
  }

  /** Ends what is under way, and waits for it. */
  async close(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#storing.values());
  }

  #begin(upload: UploadId): Promise<Outcome> {
    const under = this.#storing.get(upload);
    if (under !== undefined) return under;
    const storing = this.#inTurn(upload).catch((defect: unknown): Outcome => {
      this.#deps.onDefect(defect);
      return ok();
    });
    this.#storing.set(upload, storing);
    void storing.then(() => this.#storing.delete(upload));
    return storing;
  }

  async #inTurn(upload: UploadId): Promise<Outcome> {
    const turn = await this.#line.take({ requests: 1, bytes: 0 }, this.#within, Number.POSITIVE_INFINITY);
    if (!turn.ok) return ok();
    const outcome = await this.#storeNow(upload);
    turn.value.release();
    if (!outcome.ok && !this.#over.signal.aborted) {
      this.#deps.log.warn("upload not stored", { upload, failure: outcome.failure });
    }
    return outcome;
  }

  /** As it is when its turn has come: whoever asked may have looked at it before it was stored. */
  async #storeNow(upload: UploadId): Promise<Outcome> {
    const book = await this.#deps.files.book();
    if (!book.ok) return book;
    const staged = book.value.get(upload);
    return staged === undefined || staged.stored !== undefined ? ok() : await this.#store(staged);
  }

  async #store({ upload, offsetBytes, crc, manner }: StagedUpload): Promise<Outcome> {
    const { disk, files, put, space } = this.#deps;
    const opened = await disk.open(files.pathOf(upload), "read");
    if (!opened.ok) {
      const isGone = opened.failure.code === "disk.not-found";
      return isGone ? await this.#drop(upload, damaged) : fail(await writeFailure(opened.failure, space));
    }
    const source = new StagedSource(disk, opened.value, offsetBytes, crc);
    const end = (): void => source.cancel({ code: "runtime.cancelled" });
    this.#over.signal.addEventListener("abort", end);
    const stored = await put({ source, sizeBytes: offsetBytes, ...manner }, this.#within);
    this.#over.signal.removeEventListener("abort", end);
    await disk.close(opened.value);
    if (!stored.ok) return await this.#failed(upload, stored.failure);

    const { address, manifest, sizeBytes, chunkCount } = stored.value;
    const recorded = await files.record({ upload, stored: { address, manifest, sizeBytes, chunkCount } });
    if (recorded.ok) await files.removeFile(upload);
    return recorded;
  }

  async #failed(upload: UploadId, failure: PutFailure | StorageNotReady): Promise<Outcome> {
    assert(failure.code !== "storage.address-mismatch", "nobody expects an address of an upload");
    const isDamaged = failure.code === "storage.source-failed" && failure.cause.code === "storage.upload-damaged";
    const why = isDamaged ? damaged : failure;
    return isFinal(why) ? await this.#drop(upload, why) : fail(why);
  }

  async #drop(upload: UploadId, why: StoreFailure): Promise<Outcome> {
    this.#refused.set(upload, why);
    await this.#deps.files.end(upload);
    return fail(why);
  }
}

/** Tried again, it would fail again. What a tree names may still be put. */
function isFinal(why: PutFailure | StorageNotReady | typeof damaged): boolean {
  switch (why.code) {
    case "storage.too-many-chunks":
    case "storage.object-too-large":
    case damaged.code:
      return true;
    case "storage.tree-refused":
      return why.problem !== "not-stored";
    default:
      return false;
  }
}
