/**
 * Mutants that change nothing that anybody could see, each with the reason: no test can notice them, and they do not count.
 *
 * A mutant is named by its source, its whole line without the blanks around it, and what stands where.
 */
export interface Equivalent {
  readonly path: string;
  readonly line: string;
  readonly from: string;
  readonly to: string;
  readonly because: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];
