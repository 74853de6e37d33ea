/**
 * A `.cfg` of TLC, taken apart as far as it is needed here: what comes before the first of what is to hold, and the names of
 * that.
 */
import { assert } from "#runtime/errors.ts";

const HOLDS = /^(INVARIANT|PROPERT)(?:S|Y|IES)?\b(.*)$/;
const OTHER = /^(SPECIFICATION|INIT|NEXT|CONSTANTS?|CHECK_DEADLOCK|SYMMETRY|CONSTRAINTS?)\b/;

export interface ConfigFile {
  /** All but what is to hold. */
  readonly setting: string;
  readonly invariants: readonly string[];
  /** Of whole behaviours. */
  readonly properties: readonly string[];
}

export function readConfigFile(text: string): ConfigFile {
  const setting: string[] = [];
  const invariants: string[] = [];
  const properties: string[] = [];
  let names: string[] | undefined;
  for (const line of text.split("\n")) {
    const [found, kind, rest = ""] = line.match(HOLDS) ?? [];
    if (found !== undefined) names = kind === "INVARIANT" ? invariants : properties;
    else if (OTHER.test(line)) names = undefined;
    if (names === undefined) setting.push(line);
    else names.push(...(found === undefined ? line : rest).split(/\s+/).filter((word) => word !== ""));
  }
  return { setting: setting.join("\n"), invariants, properties };
}

/** The same setting, of which nothing is asked but this. */
export function askedOnly(text: string, name: string): string {
  const { setting, invariants, properties } = readConfigFile(text);
  const isProperty = properties.includes(name);
  assert(isProperty || invariants.includes(name), `the configuration asks for ${name}`);
  return `${setting}\n${isProperty ? "PROPERTY" : "INVARIANT"} ${name}\n`;
}

/** The same setting, of which nothing is asked. */
export function settingOnly(text: string): string {
  return `${readConfigFile(text).setting}\n`;
}

/** The same setting, of which it is said that this never happens. */
export function witnessed(text: string, name: string): string {
  return `${readConfigFile(text).setting}\nINVARIANT ${name}\n`;
}
