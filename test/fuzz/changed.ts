/** Which files a run has changed: those of a checkout belong to it, and a release is made of what is committed. */
import { basename, dirname, join } from "node:path";

export interface Changed {
  /** Where the ledger and the corpus are, as the reader of the line would say it. */
  readonly folder: string;
  /** Files of the corpus. */
  readonly corpus: readonly string[];
  readonly isCheckout: boolean;
}

/** One line. The ledger has a new line after every run. */
export function changedLine({ folder, corpus, isCheckout }: Changed): string {
  const [ledgerPath, corpusPath] = [join(folder, "ledger.jsonl"), join(folder, "corpus")];
  const families = [...new Set(corpus.map((path) => basename(dirname(path))))];
  const files = `${corpus.length} ${corpus.length === 1 ? "file" : "files"} in ${corpusPath} (${families.join(", ")})`;
  const changed = corpus.length === 0 ? ledgerPath : `${ledgerPath} and ${files}`;
  const paths = corpus.length === 0 ? ledgerPath : `${ledgerPath} ${corpusPath}`;
  return `changed: ${changed}${isCheckout ? `; commit it, or take it back: git checkout ${paths}` : ""}`;
}
