/** What a house rule is: a function over the files, with offenders that it must be seen to catch. */
import type { FileMap } from "#test/house/tree.ts";

export interface Rule {
  /** A sentence that is true of the repository. */
  readonly name: string;
  /** One line for each place where it is not. */
  check(files: FileMap): readonly string[];
  /** Files laid over the real ones, each with what the rule must then say. */
  readonly planted: readonly Planted[];
}

export interface Planted {
  readonly what: string;
  /** Contents by path; `undefined` takes the file away. */
  readonly files: Readonly<Record<string, string | undefined>>;
  /** Occurs in a line that the rule did not say before. */
  readonly says: string;
}

/** What `rule` says about `planted` and not about the files without it. */
export function caught(rule: Rule, files: FileMap, planted: Planted): readonly string[] {
  const before = new Set(rule.check(files));
  const changed = new Map(files);
  for (const [path, contents] of Object.entries(planted.files)) {
    if (contents === undefined) changed.delete(path);
    else changed.set(path, contents);
  }
  return rule.check(changed).filter((line) => !before.has(line));
}
