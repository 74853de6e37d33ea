/**
 * One operation of a recorded history: what a client asked of one key, what it was told, and between which moments the
 * operation can have taken effect. What a checker of linearizability reads.
 */

/** What became of it, as far as its client knows. */
export type Outcome<Answer> =
  /** It was done, or looked at the key, and this is what it saw. */
  | { readonly kind: "ok"; readonly answer: Answer }
  /** It was certainly not done, and the refusal says nothing of the key. */
  | { readonly kind: "refused" }
  /** It may have taken effect, or may yet, or never. */
  | { readonly kind: "unknown" };

export interface Operation<Asked, Answer> {
  /** Keys are independent of each other: each has a history of its own. */
  readonly key: string;
  /** Who asked, for people. */
  readonly client: string;
  readonly asked: Asked;
  readonly outcome: Outcome<Answer>;
  /** Before this moment it has no effect. Any unit, for all operations the same. */
  readonly invokedAt: number;
  /**
   * After this moment it has no effect any more. `Infinity` for one that is unknown and may take effect at any time; an unknown
   * one whose end is known, because the process that would have done it is gone, has that.
   */
  readonly returnedAt: number;
}

/** Something that happened to what is asked, for people. */
export interface Incident {
  readonly at: number;
  readonly what: string;
}
