/**
 * What a payload may have been signed for.
 *
 * Neither the stream nor the action is signed, so what somebody signs for one operation could be sent for another before
 * it arrives. What binds it are its members: no payload is taken for two operations that do something for the same key.
 *
 * The first of these that there is decides:
 * - `op`: a request about a subject;
 * - `action`: what it says, `register`, `deregister` or `exchange`. To deregister takes it: nothing else would tell it apart;
 * - `subject_id`: an exchange;
 * - `producer_id`, and nothing that only registrations have: an exchange. It is a registration too, of a further key, but
 *   only of one that nobody has approved, for which no exchange does anything (`Registration.isUnmistakable`).
 *
 * All else is a registration.
 */
import type { Operation } from "#actors/auth/directory/directory.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";

/** `exchange-or-rotation`: an exchange, or a registration of a further key. `none`: an action that there is not. */
export type Purpose = Operation | "exchange-or-rotation" | "none";

const ACTIONS: ReadonlyMap<unknown, Purpose> = new Map<unknown, Purpose>([
  ["register", "register"],
  ["deregister", "deregister"],
  ["exchange", "exchange"],
]);

export function purposeOf(payload: JsonObject): Purpose {
  const has = (name: string): boolean => Object.hasOwn(payload, name);
  if (has("op")) return "subject";
  if (has("action")) return ACTIONS.get(payload["action"]) ?? "none";
  if (has("subject_id")) return "exchange";
  const isSaid = has("producer_hint") || has("contact") || has("meta");
  return has("producer_id") && !isSaid ? "exchange-or-rotation" : "register";
}

/** Whether it may be acted on as what it was sent for. */
export function isFor(operation: Operation, purpose: Purpose): boolean {
  if (purpose === "exchange-or-rotation") return operation === "exchange" || operation === "register";
  return operation === purpose;
}
