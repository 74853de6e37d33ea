/**
 * The limits of the code, found in it: exported numeric constants whose name is that of a limit, and the fields of
 * every configuration schema.
 */
import { evaluate } from "#test/house/arithmetic.ts";
import { type FileMap, isProduction, withoutComments } from "#test/house/tree.ts";

export interface Limit {
  /** `SERIES_MAX`, or `storage.objectSizeBytesMax` for a setting. */
  readonly name: string;
  /** In the base unit: milliseconds, bytes, or just a number. Text for a setting that is one, and for what is unread. */
  readonly value: number | string;
  /** `unread`: a constant by its name, whose expression says no number. */
  readonly unit: "ms" | "bytes" | "s" | "count" | "text" | "texts" | "flag" | "unread";
  readonly where: string;
}

/** A name that bounds something. */
const LIMIT_NAME =
  /(_MAX|_MIN|_MS|_BYTES|_SECONDS|_CAPACITY|_CREDIT|_DEGRADED|_PER_[A-Z]+|Max|Min|Ms|Bytes|Seconds|Capacity)$/;
/** Parts of fixed formats: they cannot be reached, only parsed wrongly, and the format's page says them. */
const FORMAT_NAME =
  /(HEADER|FOOTER|ENTRY|DIGEST|ALIGNMENT|PREFIX|LENGTH|TRACE|MARK|SIZE)_BYTES$|^digestSizeBytes$|^KIND_MAX$/;

const CONSTANT = /^export const (\w+)(?:: number)? = ([^;]+);/gm;
const ANY_CONSTANT = /^(?:export )?const (\w+)(?:: number)? = ([^;]+);/gm;
const IMPORT = /^import \{([^}]*)\} from "#([^"]+)";/gm;
const SCHEMA = /\bConfigSchema<[^>]*> = \{([\s\S]*?)\n\};/g;
const FIELD = /^ {2}(\w+): (durationMs|sizeBytes|count|text|texts|flag)\(([\s\S]*?)\),?$/gm;

/** Simulated seams are test equipment: their limits bound tests. */
function isBounded(path: string): boolean {
  return isProduction(path) && !/^(runtime|supervisor)\/simulated\//.test(path) && path !== "runtime/units.ts";
}

export function limitsOf(files: FileMap): readonly Limit[] {
  return [...files]
    .filter(([path]) => isBounded(path))
    .flatMap(([where, text]) => {
      const code = withoutComments(text);
      return [...constantsIn(files, code, where), ...settingsIn(code, where)];
    });
}

function constantsIn(files: FileMap, code: string, where: string): readonly Limit[] {
  const known = constantsOf(files, code);
  return [...code.matchAll(CONSTANT)].flatMap(([, name = "", expression = ""]): readonly Limit[] => {
    if (!LIMIT_NAME.test(name) || FORMAT_NAME.test(name)) return [];
    const value = evaluate(expression, known);
    return [
      value === undefined
        ? { name, value: expression, unit: "unread", where }
        : { name, value, unit: unitOf(name), where },
    ];
  });
}

/** What a name is in a file: a constant of its own, or one of another file. */
function constantsOf(files: FileMap, code: string): (name: string) => number | undefined {
  const own = new Map([...code.matchAll(ANY_CONSTANT)].map(([, name = "", expression = ""]) => [name, expression]));
  const known = (name: string): number | undefined => {
    const expression = own.get(name);
    if (expression !== undefined) return evaluate(expression, known);
    const [, , path = ""] = [...code.matchAll(IMPORT)].find(([, names = ""]) => namesIn(names).includes(name)) ?? [];
    const other = files.get(path);
    return other === undefined ? undefined : constantsOf(files, withoutComments(other))(name);
  };
  return known;
}

function namesIn(list: string): readonly string[] {
  return list.split(",").map((name) => name.trim());
}

function settingsIn(code: string, where: string): readonly Limit[] {
  const section = where.match(/^actors\/([^/]+)\//)?.[1] ?? where.match(/([^/]+)\.ts$/)?.[1] ?? where;
  return [...code.matchAll(SCHEMA)]
    .flatMap(([, body = ""]) => [...body.matchAll(FIELD)])
    .map(([, field = "", kind = "", argument = ""]): Limit => {
      const name = `${section}.${field}`;
      const byDefault = argument.match(/\bdefault:\s*("[^"]*"|\[[^\]]*\]|[^,}]+)/)?.[1]?.trim() ?? argument.trim();
      switch (kind) {
        case "durationMs":
          return { name, value: evaluate(byDefault) ?? byDefault, unit: "ms", where };
        case "sizeBytes":
          return { name, value: evaluate(byDefault) ?? byDefault, unit: "bytes", where };
        case "count":
          return { name, value: evaluate(byDefault) ?? byDefault, unit: "count", where };
        // Written in the table as a text is: without brackets and quotes.
        case "texts":
          return { name, value: byDefault.replaceAll(/[[\]"]/g, ""), unit: "texts", where };
        case "flag":
          return { name, value: byDefault, unit: "flag", where };
        default:
          return { name, value: byDefault.replace(/^"|"$/g, ""), unit: "text", where };
      }
    });
}

function unitOf(name: string): Limit["unit"] {
  if (/(_MS|Ms)(_?(MAX|MIN|Max|Min))?$/.test(name)) return "ms";
  if (/(_BYTES|Bytes)(_PER_SECOND)?(_?(MAX|MIN|Max|Min))?$/.test(name)) return "bytes";
  if (/(_SECONDS|Seconds)(_?(MAX|MIN|Max|Min))?$/.test(name)) return "s";
  return "count";
}

const SCALES: Readonly<Record<string, { readonly unit: Limit["unit"]; readonly factor: number }>> = {
  ms: { unit: "ms", factor: 1 },
  min: { unit: "ms", factor: 60_000 },
  bytes: { unit: "bytes", factor: 1 },
  KiB: { unit: "bytes", factor: 2 ** 10 },
  MiB: { unit: "bytes", factor: 2 ** 20 },
  GiB: { unit: "bytes", factor: 2 ** 30 },
  s: { unit: "s", factor: 1 },
  count: { unit: "count", factor: 1 },
  text: { unit: "text", factor: 1 },
  texts: { unit: "texts", factor: 1 },
  flag: { unit: "flag", factor: 1 },
};

/** Whether a row's value and unit say what the code says. Durations may be written in seconds or minutes. */
export function agrees(limit: Limit, value: string, unit: string): boolean {
  if (typeof limit.value === "string") return unit === limit.unit && value === (limit.value || "empty");
  const number = evaluate(value.replaceAll(" ", "").replaceAll("_", ""));
  if (number === undefined) return false;
  if (unit === "s" && limit.unit === "ms") return number * 1000 === limit.value;
  // A count may carry the word for what is counted.
  if (limit.unit === "count") return SCALES[unit] === undefined || unit === "count" ? number === limit.value : false;
  const scale = SCALES[unit];
  return scale?.unit === limit.unit && number * scale.factor === limit.value;
}

/** The row for `limit`, but for the words about what happens when it is reached. */
export function rowFor(limit: Limit): string {
  const [value, unit] = spell(limit);
  return `| \`${limit.name}\` | ${value} | ${unit} | … | \`${limit.where}\` |`;
}

function spell({ value, unit }: Limit): readonly [value: string, unit: string] {
  if (typeof value === "string") return [value === "" ? "empty" : `\`${value}\``, unit];
  const larger = unit === "bytes" ? ["GiB", "MiB", "KiB"] : unit === "ms" ? ["min"] : [];
  const name = larger.find((candidate) => value !== 0 && value % (SCALES[candidate]?.factor ?? 1) === 0);
  if (name !== undefined) return [String(value / (SCALES[name]?.factor ?? 1)), name];
  return unit === "ms" && value % 1000 === 0 && value > 0 ? [String(value / 1000), "s"] : [String(value), unit];
}
