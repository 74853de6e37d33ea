/** Fields of an answer in JSON, whatever stands there: what is missing, or of another type, reads as empty or 0. */
import { isRecord } from "#client/wire.ts";

export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** Milliseconds since 1970 as ISO 8601 has them; undefined where that is no date. */
export function timeOf(value: unknown): string | undefined {
  const time = new Date(typeof value === "number" ? value : Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
