/** Histories of events in few words, and a random one with what a node that keeps its promises would have of it. */
import type { EventsFound, FoundLetter, FoundRow, SentText } from "#chaos/checkers/event-history.ts";
import type { Random } from "#runtime/random.ts";

/** Some text of a producer: an event with this id and content, taken as the entry `at`, unless it is said otherwise. */
export function sent(name: string, at: number, more: Partial<SentText> = {}): SentText {
  const [id = "", variant = ""] = name.split("/");
  return {
    text: `text ${name}`,
    producerId: "ann",
    event: { id, content: `content ${name}` },
    refusal: undefined,
    entryIds: [`${at}-0`],
    unansweredCount: 0,
    ...(variant === "none" ? { event: undefined, refusal: "bad_event_json" } : {}),
    ...more,
  };
}

export function row(name: string, at: number, more: Partial<FoundRow> = {}): FoundRow {
  const [id = ""] = name.split("/");
  return { id, content: `content ${name}`, entryId: `${at}-0`, ...more };
}

export function letter(name: string, at: number, reason: string): FoundLetter {
  return { text: `text ${name}`, entryId: `${at}-0`, reason };
}

export interface RandomHistory {
  readonly sent: readonly SentText[];
  readonly found: EventsFound;
}

/** What was sent without an answer came, late or not at all; of texts that contradict each other any one is the row. */
export function randomHistory(random: Random, count: number): RandomHistory {
  const all: SentText[] = [];
  const entries: { readonly entryId: string; readonly one: SentText }[] = [];
  let at = 0;
  const next = (): number => {
    at += 1;
    return at;
  };
  for (let number = 0; number < count; number += 1) {
    const isContradiction = number > 0 && random.below(6) === 0;
    const name = `${isContradiction ? number - 1 : number}/${["a", "b", "none"][random.below(3)]}`;
    const said = sent(name, 0);
    // No two texts say the same.
    const event = said.event && { ...said.event, content: `${said.event.content} ${number}` };
    const one = { ...said, event, text: `${name} ${number}`, producerId: ["ann", "ben"][random.below(2)] ?? "" };
    const entryIds: string[] = [];
    for (let copies = random.below(3); copies > 0; copies -= 1) entryIds.push(`${next()}-${random.below(2)}`);
    const unansweredCount = random.below(3) === 0 ? 1 + random.below(2) : 0;
    const full = { ...one, entryIds, unansweredCount };
    all.push(full);
    for (const entryId of entryIds) entries.push({ entryId, one: full });
    for (let copies = random.below(unansweredCount + 1); copies > 0; copies -= 1) {
      entries.push({ entryId: `${next()}-0`, one: full });
    }
  }
  return { sent: all, found: keptOf(entries, random) };
}

/** As ingest does it: entries in any order of their ids, because readers are more than one. */
function keptOf(entries: readonly { readonly entryId: string; readonly one: SentText }[], random: Random): EventsFound {
  const rows = new Map<string, FoundRow>();
  const letters: FoundLetter[] = [];
  const order = entries.map((entry) => ({ entry, key: random.below(2 ** 20) })).toSorted((a, b) => a.key - b.key);
  for (const { entry } of order) {
    const { text, event, refusal } = entry.one;
    const { entryId } = entry;
    const kept = event && rows.get(event.id);
    const reason = refusal ?? (kept === undefined || kept.content === event?.content ? undefined : "duplicate_event");
    if (reason !== undefined) letters.push({ text, entryId, reason });
    else if (event !== undefined && kept === undefined) rows.set(event.id, { ...event, entryId });
    // Who ended before it could acknowledge one says it again.
    if (reason !== undefined && random.below(5) === 0) letters.push({ text, entryId, reason });
  }
  return { rows: [...rows.values()], letters };
}
