/**
 * Objects of one bucket under one prefix, as a seam: whole puts, ranged reads, lists in the order of the keys.
 *
 * What it relies on, which S3 and its kin promise: a put is whole or nothing; what was put is seen by every read and list
 * that begins after the answer; what was removed is not.
 */
import type { Failure, Result } from "#runtime/errors.ts";

/** There is no such object, or no such bucket. */
export interface BucketMissing extends Failure<"bucket.missing"> {
  readonly key: string;
}
/** The server does not want it: `reason` is its own word, such as `AccessDenied`. Asking again changes nothing. */
export interface BucketRefused extends Failure<"bucket.refused"> {
  readonly key: string;
  readonly status: number;
  readonly reason: string;
}
/** No answer that could be used came before the deadline. A put or a removal may take effect yet. */
export interface BucketUnreachable extends Failure<"bucket.unreachable"> {
  readonly key: string;
  readonly cause: string;
  readonly attemptCount: number;
}
export type BucketFailure = BucketMissing | BucketRefused | BucketUnreachable;

export interface ObjectFacts {
  readonly key: string;
  readonly sizeBytes: number;
}

export interface ObjectPage {
  /** In the order of their keys. */
  readonly objects: readonly ObjectFacts[];
  /** What to ask with for the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** Keys are of `A-Z a-z 0-9 . _ - ~ /`. */
export interface Bucket {
  /** The parts one after another are the object. To be used with a key and bytes that always go together: it is repeated. */
  put(key: string, parts: readonly Uint8Array[]): Promise<Result<void, BucketFailure>>;
  /** Fills `into` from `position`; an object that ends before is `bucket.refused`. `into` has a length. */
  read(key: string, into: Uint8Array, position: number): Promise<Result<void, BucketFailure>>;
  /** One page of the objects whose keys begin with `prefix`. */
  list(prefix: string, next?: string): Promise<Result<ObjectPage, BucketFailure>>;
  /** Any number of keys, in no order; one that is not there is fine. After a failure any of them may be gone. */
  remove(keys: readonly string[]): Promise<Result<void, BucketFailure>>;
}

/** All pages; at most `objectsMax` objects, more is `bucket.refused`. */
export async function listAll(
  bucket: Bucket,
  prefix: string,
  objectsMax: number,
): Promise<Result<readonly ObjectFacts[], BucketFailure>> {
  const objects: ObjectFacts[] = [];
  const listed = await listEach(bucket, prefix, objectsMax, (object) => void objects.push(object));
  return listed.ok ? { ok: true, value: objects } : listed;
}

/** The same one by one, each before the page behind it is asked for: of many objects no long work is left for the end. */
export async function listEach(
  bucket: Bucket,
  prefix: string,
  objectsMax: number,
  take: (object: ObjectFacts) => void,
): Promise<Result<void, BucketFailure>> {
  let count = 0;
  let next: string | undefined;
  do {
    const page = await bucket.list(prefix, next);
    if (!page.ok) return page;
    count += page.value.objects.length;
    if (count > objectsMax) return tooMany(prefix);
    for (const object of page.value.objects) take(object);
    next = page.value.next;
  } while (next !== undefined);
  return { ok: true, value: undefined };
}

function tooMany(key: string): Result<never, BucketRefused> {
  return { ok: false, failure: { code: "bucket.refused", key, status: 200, reason: "TooManyObjects" } };
}
