/**
 * What is checked of a module: under which configurations it holds, what of it has to be reachable, and which mistakes in it
 * have to be noticed. Data only.
 */

export interface ModelPlan {
  /** `specs/models/<module>.tla`. */
  readonly module: string;
  readonly configurations: readonly Configuration[];
  readonly witnesses: readonly Witness[];
  readonly mutants: readonly Mutant[];
}

export interface Configuration {
  /** `specs/models/<name>.cfg`. */
  readonly name: string;
  /** As many as the checker is known to find: another number is another model. */
  readonly states: number;
  /** Not one of those that every run of the tests has time for. */
  readonly isLong?: boolean;
}

/** An invariant that says that something interesting never happens, and has to be violated: else what holds says nothing. */
export interface Witness {
  readonly name: string;
  readonly configuration: string;
}

/** A mistake in a module, as a text of it and what stands there instead. */
export interface Mutant {
  /** What is wrong, as a sentence about what is modelled. */
  readonly name: string;
  /** Occurs exactly once in the module. */
  readonly from: string;
  readonly to: string;
  readonly configuration: string;
  /** The invariant or property that notices, alone. */
  readonly violates: string;
  /** It is noticed only at the end of a long exploration. */
  readonly isLong?: boolean;
}
