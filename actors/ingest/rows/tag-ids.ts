/**
 * Names of tags in the database: two tags that differ in upper and lower case alone are one, as whoever came first wrote it.
 *
 * The name is a hash of both, folded, and no number that the database gives out: so it is known without asking, and two nodes
 * that bring the same new tag do not have to agree on anything.
 */
import { hash } from "node:crypto";
import type { Tag } from "#actors/domain/events/event.ts";
import { type Uuid, uuidOfHex } from "#actors/domain/uuid.ts";

/** Tags whose ids are remembered: most events have one that was seen before. When there are more, all are forgotten. */
export const TAGS_KNOWN_MAX = 4096;
/** Of the hash: 128 bits. */
const HEX_LENGTH = 32;

export class TagIds {
  readonly #known = new Map<string, Uuid>();
  readonly #knownMax: number;

  constructor(knownMax: number = TAGS_KNOWN_MAX) {
    this.#knownMax = knownMax;
  }

  /** Those of one event, each once. */
  of(tags: readonly Tag[]): ReadonlyMap<Uuid, Tag> {
    const byId = new Map<Uuid, Tag>();
    for (const tag of tags) {
      const id = this.#idOf(tag);
      if (!byId.has(id)) byId.set(id, tag);
    }
    return byId;
  }

  #idOf(tag: Tag): Uuid {
    const spelling = `${tag.key.length}:${tag.key}${tag.value}`;
    const known = this.#known.get(spelling);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#knownMax) this.#known.clear();
    const id = tagIdOf(tag);
    this.#known.set(spelling, id);
    return id;
  }
}

export function tagIdOf({ key, value }: Tag): Uuid {
  return uuidOfHex(hash("sha256", JSON.stringify([folded(key), folded(value)]), "hex").slice(0, HEX_LENGTH));
}

/** So that ς and σ, which both are Σ, are one, and ẞ, ß and ss are. It depends on no locale. */
function folded(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ");
}
