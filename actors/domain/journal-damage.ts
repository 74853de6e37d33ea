/**
 * A journal of storage that cannot be read back, as everybody tells it: those who are refused for it, health and log.
 *
 * It does not mend by itself, and nobody guesses what it has said.
 */
import type { Failure } from "#runtime/errors.ts";
import type { JournalDamaged } from "#runtime/journal/replay.ts";

/** Of what is kept and removed, or of the uploads in pieces. */
export type StorageJournal = "keeps" | "staging/journal";

/** Final for this life of the node: its operator restores the journal, or gives up what it said. */
export interface StorageJournalDamaged extends Failure<"storage.journal-damaged"> {
  readonly journal: StorageJournal;
  readonly fileName: string;
  /** Where in the file what cannot be read begins, bytes. */
  readonly position: number;
}

export function journalDamaged(journal: StorageJournal, { path, position }: JournalDamaged): StorageJournalDamaged {
  return { code: "storage.journal-damaged", journal, fileName: path.slice(path.lastIndexOf("/") + 1), position };
}

/** What is the matter, and what to do next. */
export function describeDamage({ journal, fileName, position }: StorageJournalDamaged): string {
  return `${journal}/${fileName} is damaged at byte ${position}: ${EFFECTS[journal]}`;
}

const EFFECTS: Readonly<Record<StorageJournal, string>> = {
  keeps:
    "what was removed or pinned is not known. Stop the node and put keeps/ back from a backup, " +
    "or move it away, and what was removed is there again",
  "staging/journal":
    "uploads in pieces cannot be gone on with. Stop the node and put staging/ back from a backup, " +
    "or move it away and begin them anew",
};
