/**
 * What a section of the configuration may say. The unit of a field is read from its name: `…Ms` is a duration, `…Bytes`
 * (also before `Max`/`Min`) a size, anything else numeric a count; a `text` field is a string, and
 * a `texts` field a list of strings.
 *
 * In a file a number is in that unit, and a string may carry its own: `"15s"`, `"64KiB"`.
 */
export interface NumberField<Unit extends "ms" | "bytes" | "count"> {
  readonly unit: Unit;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

export interface TextField {
  readonly unit: "text";
  readonly default: string;
  /** The whole value must match. */
  readonly pattern: RegExp;
  /** There may be a password in it: it is never shown. */
  readonly isSecret?: boolean;
}

/** In a file a list of strings; in the environment one text, with a comma between two entries. */
export interface TextsField {
  readonly unit: "texts";
  readonly default: readonly string[];
  /** Each entry must match as a whole. */
  readonly pattern: RegExp;
}

export interface FlagField {
  readonly unit: "flag";
  readonly default: boolean;
}

export type Field = NumberField<"ms" | "bytes" | "count"> | TextField | TextsField | FlagField;

type NumberFieldFor<Name extends string> = Name extends `${string}Ms${"" | "Min" | "Max"}`
  ? NumberField<"ms">
  : Name extends `${string}Bytes${"" | "Min" | "Max"}` | `${string}BytesPerSecond${"" | "Min" | "Max"}`
    ? NumberField<"bytes">
    : NumberField<"count">;

export type ConfigSchema<Config> = {
  readonly [Name in keyof Config & string]: Config[Name] extends string
    ? TextField
    : Config[Name] extends readonly string[]
      ? TextsField
      : Config[Name] extends boolean
        ? FlagField
        : NumberFieldFor<Name>;
};

type Bounds = Omit<NumberField<"count">, "unit">;

export function durationMs(bounds: Bounds): NumberField<"ms"> {
  return { unit: "ms", ...bounds };
}

export function sizeBytes(bounds: Bounds): NumberField<"bytes"> {
  return { unit: "bytes", ...bounds };
}

export function count(bounds: Bounds): NumberField<"count"> {
  return { unit: "count", ...bounds };
}

export function text(field: Omit<TextField, "unit">): TextField {
  return { unit: "text", ...field };
}

export function texts(field: Omit<TextsField, "unit">): TextsField {
  return { unit: "texts", ...field };
}

export function flag(byDefault: boolean): FlagField {
  return { unit: "flag", default: byDefault };
}
