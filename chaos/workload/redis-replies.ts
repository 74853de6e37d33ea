/** What a Redis answers, read by whoever publishes to it or looks at what is in it. */
import type { FoundLetter } from "#chaos/checkers/event-history.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";

/** Fields of an entry, each by its name. */
export type EntryFields = ReadonlyMap<string, string>;

/** Of the entries of a stream, in order. */
export function entriesIn(reply: RedisReply): readonly EntryFields[] {
  return listOf(reply).map((entry) => {
    const words = listOf(listOf(entry)[1] ?? null).map(textOf);
    return new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ""] as const] : [])));
  });
}

/** Dead letters in `events:dlq`. */
export function lettersIn(entries: RedisReply): readonly FoundLetter[] {
  return entriesIn(entries).map((letter) => ({
    entryId: letter.get("id") ?? "",
    text: letter.get("payload") ?? "",
    reason: letter.get("reason") ?? "",
  }));
}

/** Entries that the first group of a stream was not given, or did not acknowledge, as `XINFO GROUPS` says. */
export function openCountIn(groups: RedisReply): number {
  const facts = listOf(listOf(groups)[0] ?? null);
  const numberOf = (name: string): number => Number(facts[facts.findIndex((word) => textOf(word) === name) + 1]);
  return numberOf("pending") + numberOf("lag");
}

export function textOf(reply: RedisReply | undefined): string {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : String(reply);
}

function listOf(reply: RedisReply): readonly RedisReply[] {
  return Array.isArray(reply) ? reply : [];
}
