/**
 * One section of the configuration, from three sources: environment over file over default.
 *
 * Everything wrong with a section is reported at once. An unknown setting is refused rather than ignored, in the file
 * and in the environment alike: a typing error must not silently leave a default in force.
 */
import { nearestName } from "#runtime/config/nearest.ts";
import { parseQuantity, quantityExamples } from "#runtime/config/quantity.ts";
import type { ConfigSchema, Field, TextField, TextsField } from "#runtime/config/schema.ts";
import { assert, type Failure, fail, ok, type Result, unreachable } from "#runtime/errors.ts";

/** At least one setting is not acceptable. Nothing of the section takes effect. Final until it is changed. */
export interface ConfigInvalid extends Failure<"config.invalid"> {
  readonly section: string;
  /** In the order of the schema, unknown settings last; at most `configProblemsMax`. */
  readonly problems: readonly ConfigProblem[];
}

/** `setting` is the key in the file; `source` is the file or the name of an environment variable. */
export type ConfigProblem = { readonly setting: string; readonly source: string } & (
  | { readonly kind: "unknown"; readonly nearest?: string }
  | { readonly kind: "not-a-table"; readonly found: string }
  | { readonly kind: "wrong-type"; readonly found: string; readonly expected: string }
  | { readonly kind: "out-of-bounds"; readonly value: number; readonly min: number; readonly max: number }
  | { readonly kind: "mismatch"; readonly found: string; readonly pattern: string }
  | { readonly kind: "relation"; readonly sentence: string }
);

/** The variables of a process. Only names that begin with `CEPA_<SECTION>_` are looked at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Problems that one failure names; the rest is left out. */
export const configProblemsMax = 32;
/** Longest value of a text setting, in characters; a longer one is `wrong-type`. */
export const configTextLengthMax = 4096;
/** Most entries of a list of texts, each of which is bounded as a text is; more are `wrong-type`. */
export const configTextsMax = 256;

const FILE = "file";

/**
 * Reads `raw`, the value that the file gives for `sectionName` (undefined when it has no such section).
 * The answer holds every key of the schema and is frozen.
 */
export function readSection<Config>(
  schema: ConfigSchema<Config>,
  sectionName: string,
  raw: unknown,
  environment: Environment,
): Result<Config, ConfigInvalid> {
  const fields = Object.entries(schema) as [string, Field][];
  const known = fields.map(([setting]) => setting);
  const problems: ConfigProblem[] = [];
  const table = isTable(raw) ? raw : {};
  if (raw !== undefined && !isTable(raw)) {
    problems.push({ kind: "not-a-table", setting: sectionName, source: FILE, found: describe(raw) });
  }

  const config: Record<string, unknown> = {};
  for (const [setting, field] of fields) {
    assertField(setting, field);
    const variable = environmentName(sectionName, setting);
    const override = environment[variable];
    const read =
      override !== undefined
        ? readText(field, override)
        : Object.hasOwn(table, setting)
          ? readValue(field, table[setting])
          : { value: field.default };
    if (!("kind" in read)) config[setting] = read.value;
    else problems.push({ setting, source: override === undefined ? FILE : variable, ...tellable(field, read) });
  }
  problems.push(...unknownSettings(table, known), ...unknownVariables(environment, sectionName, known));

  if (problems.length > 0) return invalid(sectionName, problems);
  return ok(Object.freeze(config) as Config);
}

/**
 * Refuses what is wrong whoever reads it: sections that nobody reads, and `nan` and `inf`, which no setting can be and
 * which would not reach another process as what was written. `raw` is the whole file.
 */
export function checkSections(raw: object, known: readonly string[]): Result<void, ConfigInvalid> {
  const problems = [...unknownSettings(raw, known), ...unboundedNumbers(raw, "")];
  return problems.length > 0 ? invalid("", problems) : ok();
}

/** The failure for a relation between settings that does not hold (`ActorModule.checkConfig`). */
export function relationBroken(section: string, sentence: string): Result<never, ConfigInvalid> {
  return invalid(section, [{ kind: "relation", setting: section, source: FILE, sentence }]);
}

/** `storage`, `objectSizeBytesMax` → `CEPA_STORAGE_OBJECT_SIZE_BYTES_MAX`. */
export function environmentName(section: string, setting: string): string {
  const snake = `${section}_${setting.replaceAll(/[A-Z]/g, "_$&")}`;
  return `CEPA_${snake.replaceAll("-", "_").toUpperCase()}`;
}

/** A name that is no setting may be as long as the file. */
const NAME_CHARACTERS_MAX = 200;

/** One line for people. */
export function describeProblem(section: string, problem: ConfigProblem): string {
  const whole = problem.setting === section || section === "" ? problem.setting : `${section}.${problem.setting}`;
  const name = whole.length <= NAME_CHARACTERS_MAX ? whole : `${whole.slice(0, NAME_CHARACTERS_MAX)}…`;
  const where = problem.source === FILE ? name : `${name} (${problem.source})`;
  switch (problem.kind) {
    case "unknown":
      return `${where} is not a setting${problem.nearest === undefined ? "" : `; did you mean ${problem.nearest}?`}`;
    case "not-a-table":
      return `${where} is ${problem.found}, expected a table`;
    case "wrong-type":
      return `${where} is ${problem.found}, expected ${problem.expected}`;
    case "out-of-bounds":
      return `${where} is ${problem.value}, allowed are ${problem.min} to ${problem.max}`;
    case "mismatch":
      return `${where} is ${problem.found}, which does not match ${problem.pattern}`;
    case "relation":
      return `${where}: ${problem.sentence}`;
    default:
      return unreachable(problem);
  }
}

type Refusal =
  | { readonly kind: "wrong-type"; readonly found: string; readonly expected: string }
  | { readonly kind: "out-of-bounds"; readonly value: number; readonly min: number; readonly max: number }
  | { readonly kind: "mismatch"; readonly found: string; readonly pattern: string };
type Read = { readonly value: string | number | boolean | readonly string[] } | Refusal;

/** A value from the file has a type of its own: `"true"` is no flag. */
function readValue(field: Field, value: unknown): Read {
  switch (field.unit) {
    case "flag":
      return typeof value === "boolean" ? { value } : wrongType(value, "true or false");
    case "text":
      return typeof value === "string" ? readText(field, value) : wrongType(value, "a string");
    case "texts":
      return isTexts(value) ? matchedList(field, value) : wrongType(value, "a list of strings");
    default:
      if (typeof value === "string") return readText(field, value);
      return Number.isInteger(value) ? bounded(field, Number(value)) : wrongType(value, expectedNumber(field));
  }
}

/** A value from the environment, or a string from the file, is text that the field interprets. */
function readText(field: Field, text: string): Read {
  switch (field.unit) {
    case "flag":
      return text === "true" || text === "false" ? { value: text === "true" } : wrongType(text, "true or false");
    case "text":
      return matched(field, text);
    case "texts": {
      const entries = text.trim() === "" ? [] : text.split(",");
      return matchedList(
        field,
        entries.map((entry) => entry.trim()),
      );
    }
    default: {
      const value = parseQuantity(text, field.unit);
      return value === undefined ? wrongType(text, expectedNumber(field)) : bounded(field, value);
    }
  }
}

function matched({ pattern }: TextField | TextsField, text: string): Read {
  if (text.length > configTextLengthMax) return wrongType(text, `at most ${configTextLengthMax} characters`);
  const { source, flags } = pattern;
  const whole = new RegExp(`^(?:${source})$`, flags.replaceAll(/[gy]/g, ""));
  return whole.test(text) ? { value: text } : { kind: "mismatch", found: describe(text), pattern: `/${source}/` };
}

/** What is wrong is said of the first entry that is. */
function matchedList(field: TextsField, entries: readonly string[]): Read {
  if (entries.length > configTextsMax) return wrongType(entries, `at most ${configTextsMax} strings`);
  const refusal = entries.map((entry) => matched(field, entry)).find((read) => "kind" in read);
  return refusal ?? { value: Object.freeze([...entries]) };
}

type NumericField = Extract<Field, { readonly min: number }>;

function bounded({ min, max }: NumericField, value: number): Read {
  return value < min || value > max ? { kind: "out-of-bounds", value, min, max } : { value };
}

function expectedNumber({ unit }: NumericField): string {
  const noun = { ms: "a duration in whole ms", bytes: "a size in whole bytes", count: "a whole number" }[unit];
  return `${noun} (such as ${quantityExamples(unit)})`;
}

/** What is wrong with a text that may have a password in it is told without the text. */
function tellable(field: Field, refusal: Refusal): Refusal {
  const isSecret = field.unit === "text" && field.isSecret === true;
  return isSecret && "found" in refusal ? { ...refusal, found: "a text that is not shown" } : refusal;
}

function wrongType(value: unknown, expected: string): Refusal {
  return { kind: "wrong-type", found: describe(value), expected };
}

function unknownSettings(table: object, known: readonly string[]): ConfigProblem[] {
  const unknown = Object.keys(table).filter((setting) => !known.includes(setting));
  return unknown.map((setting) => ({
    kind: "unknown",
    setting,
    source: FILE,
    ...nearestOf(setting, known),
  }));
}

function unboundedNumbers(value: unknown, setting: string): ConfigProblem[] {
  if (typeof value === "number" && !Number.isFinite(value)) {
    return [{ setting, source: FILE, ...wrongType(value, "a finite number") }];
  }
  if (typeof value !== "object" || value === null) return [];
  const within = setting === "" ? "" : `${setting}.`;
  return Object.entries(value).flatMap(([key, member]) => unboundedNumbers(member, `${within}${key}`));
}

function unknownVariables(environment: Environment, section: string, known: readonly string[]): ConfigProblem[] {
  const prefix = environmentName(section, "");
  const variables = new Set(known.map((setting) => environmentName(section, setting)));
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && environment[name] !== undefined && !variables.has(name))
    .map((name) => ({
      kind: "unknown",
      setting: name.slice(prefix.length).toLowerCase(),
      source: name,
      ...nearestOf(name, variables),
    }));
}

function nearestOf(name: string, known: Iterable<string>): { readonly nearest?: string } {
  const nearest = nearestName(name, known);
  return nearest === undefined ? {} : { nearest };
}

function invalid(section: string, problems: readonly ConfigProblem[]): Result<never, ConfigInvalid> {
  return fail({ code: "config.invalid", section, problems: problems.slice(0, configProblemsMax) });
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What was found, short enough for one line. */
function describe(value: unknown): string {
  if (typeof value === "string") return value.length > 60 ? `"${value.slice(0, 60)}…"` : `"${value}"`;
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number" && !Number.isFinite(value)) return tomlName(value);
  return isTable(value) ? "a table" : String(value);
}

/** `nan`, `inf` or `-inf`, as a file has it. */
function tomlName(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

function assertField(setting: string, field: Field): void {
  if (!("min" in field)) return;
  const fits = field.min <= field.default && field.default <= field.max;
  assert(fits, `the default of ${setting} lies within its bounds`);
}
