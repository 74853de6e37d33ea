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

export const EQUIVALENT: readonly Equivalent[] = [
  {
    path: "runtime/breaker/breaker.ts",
    line: "#openUntilMs = 0;",
    from: "0",
    to: "1",
    because: "It is looked at while the breaker is open, and set when it opens.",
  },
  {
    path: "runtime/breaker/breaker.ts",
    line: "#era = 0;",
    from: "0",
    to: "1",
    because: "Eras are only compared with each other.",
  },
  {
    path: "runtime/bucket/file-objects.ts",
    line: "log.sort((one, other) => (one.generation < other.generation ? -1 : 1));",
    from: "1",
    to: "2",
    because: "Any number above zero says that one comes after the other.",
  },
  {
    path: "runtime/pool/admission.ts",
    line: "const delayMsMax = 2 ** 31 - 1;",
    from: "**",
    to: "*",
    because: "A wait that is looked at more often ends at the same time.",
  },
];
