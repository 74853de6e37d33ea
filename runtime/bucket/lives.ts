/**
 * Which life of a disk writes: each has a higher number than all before it, and its generations begin with it.
 *
 * So what an earlier life has asked for, and the bucket does late, is always older than what this one writes. One life at a
 * time writes below a prefix: that is the business of whoever holds the lock of the store, not of the bucket.
 */
import { type Bucket, type BucketFailure, listAll } from "#runtime/bucket/bucket.ts";
import { generationOf } from "#runtime/bucket/object-name.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

/** No name of a path begins like it. */
const FOLDER = "~lives/";
const NAME = /^~lives\/([0-9a-f]{8})\.[0-9a-f]{16}$/;
const NUMBER_MAX = 2 ** 32 - 1;
/** Lives that did not take away those before them. With more nothing is written. */
export const LEFT_OVER_MAX = 65_536;

export class Life {
  readonly number: number;
  #count = 0;

  private constructor(number: number) {
    this.number = number;
  }

  /** Takes the next number, durably. */
  static async begin(bucket: Bucket, random: Pick<Random, "id">): Promise<Result<Life, BucketFailure>> {
    const listed = await listAll(bucket, FOLDER, LEFT_OVER_MAX);
    if (!listed.ok) return listed;
    const keys = listed.value.map(({ key }) => key);
    const numbers = keys.map((key) => Number.parseInt(NAME.exec(key)?.[1] ?? "0", 16));
    const number = numbers.reduce((one, other) => Math.max(one, other), 0) + 1;
    if (number > NUMBER_MAX) return fail({ code: "bucket.refused", key: FOLDER, status: 200, reason: "TooManyLives" });
    // The same number twice, by two nodes at once, must at least not be the same object.
    const put = await bucket.put(`${FOLDER}${generationOf(number, 0).slice(0, 8)}.${random.id()}`, []);
    if (!put.ok) return put;
    // What stays is met again by the next life.
    if (keys.length > 0) await bucket.remove(keys);
    return ok(new Life(number));
  }

  /** Higher than all before. */
  next(): string {
    this.#count += 1;
    assert(this.#count <= NUMBER_MAX, "a life has fewer than 2^32 generations");
    return generationOf(this.number, this.#count);
  }
}
