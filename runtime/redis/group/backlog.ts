/**
 * What a group still has before it, as far as one of its readers knows: asked now and then, and followed in between by what
 * that reader itself is given. It says what was lost when all of it is gone at once.
 *
 * How exact that is: of what was added since it was asked nothing is known. What other readers were given since, or had in
 * hand then, still counts. So for one reader alone it is exact as of the moment when it was asked; with several it is at most
 * that, and more only by what the others did since or had in hand. Where somebody removes the group and nothing else, what was
 * unread counts as lost if nothing is left of what the group was given, though all of it is given then.
 */
import type { GroupSurvey } from "#runtime/redis/group/group-calls.ts";

export class Backlog {
  /** Entries in the group that nobody was given yet; undefined where Redis does not know. */
  readonly unreadCount: number | undefined;
  /** Given to somebody, and not acknowledged. */
  readonly pendingCount: number;
  #lastId: string;
  #unreadLeft: number;
  #elsewhereLeft: number;

  /** `heldCount`: of those that are pending, how many the reader has in hand. */
  constructor({ group: { pendingCount, unreadCount, lastId }, length }: GroupSurvey, heldCount: number) {
    this.#lastId = lastId;
    // A Redis 7.0 also counts what was trimmed before anybody was given it.
    this.unreadCount = unreadCount === undefined ? undefined : Math.min(unreadCount, length);
    this.pendingCount = pendingCount;
    this.#unreadLeft = this.unreadCount ?? 0;
    this.#elsewhereLeft = Math.max(0, pendingCount - heldCount);
  }

  /** What would be lost if all were gone now: what the reader has in hand is not. */
  get leftCount(): number {
    return this.#unreadLeft + this.#elsewhereLeft;
  }

  /** The last id that was given to anybody, as far as it is known. Something up to it stays in a stream that only we trim. */
  get lastId(): string {
    return this.#lastId;
  }

  /** The reader was given these, in order, which nobody had been given before. */
  gaveNew(ids: readonly string[]): void {
    this.#unreadLeft = Math.max(0, this.#unreadLeft - ids.length);
    this.#lastId = ids.at(-1) ?? this.#lastId;
  }

  /** So many that were pending are in its hands now, or known to be gone. */
  gavePending(count: number): void {
    this.#elsewhereLeft = Math.max(0, this.#elsewhereLeft - count);
  }
}
