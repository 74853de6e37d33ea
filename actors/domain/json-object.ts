/**
 * JSON that has to be an object: members by their names, the last one where there are several.
 *
 * Only for what we have written ourselves, or where no name matters: V8 reads names that are written with escapes wrongly
 * now and then (nodejs/node#63785).
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Undefined for what is no JSON, which has no such value. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The library throws on what is not JSON.
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
