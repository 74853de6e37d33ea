/** All rules of the house, by subject. */
import type { Rule } from "#test/house/rule.ts";
import { ambient } from "#test/house/rules/ambient.ts";
import { boundaries } from "#test/house/rules/boundaries.ts";
import { checks } from "#test/house/rules/checks.ts";
import { failpoints } from "#test/house/rules/failpoints.ts";
import { shape } from "#test/house/rules/files.ts";
import { gates } from "#test/house/rules/gates.ts";
import { kernel } from "#test/house/rules/kernel.ts";
import { ladder } from "#test/house/rules/ladder.ts";
import { libraries } from "#test/house/rules/libraries.ts";
import { pages } from "#test/house/rules/pages.ts";
import { producers } from "#test/house/rules/producers.ts";
import { tables } from "#test/house/rules/tables.ts";

export const rules: Readonly<Record<string, readonly Rule[]>> = {
  boundaries,
  ladder,
  libraries,
  ambient,
  kernel,
  tables,
  pages,
  producers,
  failpoints,
  checks,
  gates,
  files: shape,
};
