/**
 * Names of tags in the database: two tags that differ in upper and lower case alone are one, as whoever came first wrote it.
 *
 * The name is a hash of both, folded, and no number that the database gives out: so it is known without asking, and two nodes
 * that bring the same new tag do not have to agree on anything.
 */
import { hash } from "node:crypto";
import type { Tag } from "#actors/domain/events/event.ts";
import { type Uuid, uuidOfHex } from "#actors/domain/uuid.ts";

/** Of the hash: 128 bits. */
const HEX_LENGTH = 32;

/** Those of one event, each once. */
export function tagIdsOf(tags: readonly Tag[]): ReadonlyMap<Uuid, Tag> {
  const byId = new Map<Uuid, Tag>();
  for (const tag of tags) {
    const id = tagIdOf(tag);
    if (!byId.has(id)) byId.set(id, tag);
  }
  return byId;
}

export function tagIdOf({ key, value }: Tag): Uuid {
  return uuidOfHex(hash("sha256", JSON.stringify([folded(key), folded(value)]), "hex").slice(0, HEX_LENGTH));
}

/** So that ς and σ, which both are Σ, are one, and ẞ, ß and ss are. It depends on no locale. */
function folded(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ");
}
