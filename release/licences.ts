/** The licence of every package, held against the list: one that is unknown, missing or not in it is a problem. */

import { isAllowed } from "#release/licence.ts";
import type { LicenceException, LicencePolicy } from "#release/licence-policy.ts";

/** A package, and what it says of its licence. */
export interface Licensed {
  readonly name: string;
  readonly version: string;
  /** Undefined where it says nothing that can be understood. */
  readonly licence: string | undefined;
}

/**
 * What counts as the licence of a package: what a row of the policy says, else what the package says.
 */
export function licenceOf({ name, version, licence }: Licensed, { exceptions }: LicencePolicy): string | undefined {
  const exception = exceptions.find((row) => row.version === version && row.packages.includes(name));
  return exception?.licence ?? licence;
}

/** One line for each package that may not be there. */
export function licenceProblems(packages: readonly Licensed[], policy: LicencePolicy): readonly string[] {
  return packages.flatMap((licensed) => {
    const what = `${licensed.name} ${licensed.version}`;
    const licence = licenceOf(licensed, policy);
    if (licence === undefined) return [`${what} says nothing of its licence`];
    const answer = isAllowed(licence, policy.allowed);
    if (!answer.ok) return [`${what} has a licence that cannot be read: ${answer.failure.cause}`];
    return answer.value ? [] : [`${what} has the licence ${licence}, which is not in the list`];
  });
}

/** Rows of the policy that no package is meant by: of a version that has gone. They are taken out, not kept. */
export function staleExceptions(packages: readonly Licensed[], { exceptions }: LicencePolicy): readonly string[] {
  const isThere = (row: LicenceException, name: string): boolean =>
    packages.some((known) => known.name === name && known.version === row.version);
  return exceptions.flatMap((row) =>
    row.packages
      .filter((name) => !isThere(row, name))
      .map((name) => `the exception for ${name} ${row.version} is about no package that there is`),
  );
}
