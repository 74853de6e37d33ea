/** What a history does to objects beside putting and reading them: they are removed and restored, and garbage is collected. */
import type { Digest } from "#actors/domain/address.ts";
import type { Random } from "#runtime/random.ts";
import type { Node } from "#test/actors/storage/histories/node.ts";
import type { TestObject } from "#test/actors/storage/histories/objects.ts";
import { within } from "#test/actors/storage/storage-kit.ts";

/** What is known of the objects. One that is in none of the sets was never put. */
export interface Book {
  /** Must be there. */
  readonly acknowledged: Set<TestObject>;
  /** May be there, whole: what was cut off or refused, or what the test has damaged. */
  readonly uncertain: Set<TestObject>;
  /** Must not be there. */
  readonly removed: Set<TestObject>;
  /** Those that lists have passed while they were removed. */
  readonly restored: Set<Digest>;
  mayBeDamaged(object: TestObject): boolean;
}

export interface KeepTally {
  /** Asked for. */
  removals: number;
  restored: number;
  collections: number;
}

/** Of objects that nobody puts meanwhile. What is answered after `isCutOff` was never heard. */
export async function keepSome(
  node: Node,
  objects: readonly TestObject[],
  book: Book,
  random: Random,
  tally: KeepTally,
  isCutOff: () => boolean,
): Promise<readonly string[]> {
  const said: string[] = [];
  const works = objects.map(async (object) => {
    const { acknowledged, removed, uncertain } = book;
    if (acknowledged.has(object)) {
      acknowledged.delete(object);
      uncertain.add(object);
      tally.removals += 1;
      const { manifest } = object;

      const answer = await node.kit.ref.call("removeObject", { manifest }, within);
      if (isCutOff()) return;
      said.push(`remove ${object.number}: ${answer.ok ? "removed" : answer.failure.code}`);
      if (!answer.ok) return;
      uncertain.delete(object);
      removed.add(object);
    } else if (removed.has(object)) {
      removed.delete(object);
      uncertain.add(object);
      book.restored.add(object.manifest);
      const { address, manifest } = object;

      const name = address === undefined ? { root: manifest } : { address };
      const answer = await node.kit.ref.call("restoreObject", name, within);
      if (isCutOff()) return;
      said.push(`restore ${object.number}: ${answer.ok ? "restored" : answer.failure.code}`);
      if (answer.ok) {
        tally.restored += 1;
        if (book.mayBeDamaged(object)) return;
        uncertain.delete(object);
        acknowledged.add(object);
      } else if (answer.failure.code === "storage.not-in-trash") {
        uncertain.delete(object);
        removed.add(object);
      }
    }
  });
  if (random.below(2) === 0) {
    const emptyTrash = random.below(2) === 0;
    const begun = await node.kit.ref.call("collectGarbage", { emptyTrash }, within);
    if (begun.ok) tally.collections += 1;
    said.push(`collect${emptyTrash ? ", trash too" : ""}`);
  }
  await Promise.all(works);
  return said;
}
