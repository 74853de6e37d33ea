/**
 * JSON of which only the outside matters, or that we have written ourselves: V8 reads names that are written with escapes
 * wrongly now and then (nodejs/node#63785), and nobody hears of a member that is there twice. Everything else is read by
 * `canonical-json.ts`.
 */
import type { JsonValue } from "#actors/domain/json-value.ts";

/** Undefined for what is no JSON, which has no such value. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    // The library throws on what is not JSON.
    return undefined;
  }
}
