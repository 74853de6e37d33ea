/** What producers published, as far as they were told what came of it, and what is kept of it in the end. */

/** One text, published once, or again until Redis has taken it. No other has the same. */
export interface SentText {
  readonly text: string;
  /** Who publishes one text after the other: the next is begun when this one was answered, or given up. */
  readonly producerId: string;
  /** Undefined of what is no event. Texts of one id and different contents contradict each other: one of them becomes the row. */
  readonly event: { readonly id: string; readonly content: string } | undefined;
  /** Why it may not become a row, by the words of dead letters; undefined where it may. */
  readonly refusal: string | undefined;
  /** Of the entries that Redis said it has made of it. */
  readonly entryIds: readonly string[];
  /** Sendings without an answer: each may have made one entry more, at any time. */
  readonly unansweredCount: number;
}

export interface FoundRow {
  readonly id: string;
  /** Whose it is, about what, when, payload and tags, in one text: the same for what is the same. */
  readonly content: string;
  /** Of the entry that it says it came in. */
  readonly entryId: string;
}

export interface FoundLetter {
  /** Of the entry that it speaks of. */
  readonly entryId: string;
  readonly text: string;
  readonly reason: string;
}

/** All that is kept, when nothing is under way any more. */
export interface EventsFound {
  readonly rows: readonly FoundRow[];
  readonly letters: readonly FoundLetter[];
}
