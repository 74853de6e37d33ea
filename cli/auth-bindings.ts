/** `cepa auth bindings`, `bind` and `unbind`: an administrator decides who may write about somebody else's subject. */
import { type AdminChoice, findAdminNode } from "#cli/admin-node.ts";
import { columns, note, type Piece, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { records, text } from "#cli/fields.ts";
import { type Facts, factsIn } from "#cli/http.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Pages of requests that are asked for, of a hundred each: more than anybody looks at. */
export const BINDING_PAGES_MAX = 100;

const BINDINGS = "/ingest/bindings";

/** Where to look for what is there, by what is not. */
const ADVICE: Readonly<Record<string, string>> = {
  "ingest.producer-unknown": "Those that there are are in cepa auth pending --all.",
  "ingest.subject-unknown": "Those that are asked for are in cepa auth bindings.",
};

/** A page at a time, as they come. */
export async function listBindings(options: AdminChoice): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const rows: Facts[] = [];
  let path: string | undefined = BINDINGS;
  for (let page = 0; path !== undefined && page < BINDING_PAGES_MAX; page += 1) {
    const facts: Outcome<Facts> = factsIn(await node.value.ask("GET", path), 200, "bindings");
    if (!facts.ok) return facts;
    rows.push(...records(facts.value["bindings"]));
    const { next } = facts.value;
    path = Number.isSafeInteger(next) ? `${BINDINGS}/after/${String(next)}` : undefined;
  }
  if (options.json === true) for (const row of rows) print(JSON.stringify(row));
  else for (const line of table(rows)) print(...line);
  if (path !== undefined) note(`these are the oldest ${rows.length}; there are more`, options.json);
  return ok();
}

/** Whether or not it has asked. */
export async function bind(producerId: string, subjectId: string, options: AdminChoice): Promise<Outcome> {
  return await review("approve", producerId, subjectId, options);
}

/** What waits is denied, and what was there is taken away. */
export async function unbind(producerId: string, subjectId: string, options: AdminChoice): Promise<Outcome> {
  return await review("deny", producerId, subjectId, options);
}

async function review(
  action: "approve" | "deny",
  producerId: string,
  subjectId: string,
  options: AdminChoice,
): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const order = { action, producer_id: producerId, subject_id: subjectId };
  const facts = factsIn(await node.value.ask("POST", `${BINDINGS}/review`, order), 200, "status");
  if (!facts.ok) {
    const { failure } = facts;
    const advice = ADVICE[failure.code];
    return advice === undefined ? facts : fail({ ...failure, message: `${failure.message} ${advice}` });
  }
  const { status, subject_key: key, told } = facts.value;
  if (options.json === true) {
    print(JSON.stringify(facts.value));
    return ok();
  }
  const may = action === "approve" ? "may write" : "may not write";
  print(`${text(status)}: producer ${producerId} ${may} about ${text(key)}`);
  if (told !== true) note("the producer could not be told: it finds out when it registers the subject again");
  return ok();
}

/** The key last, because it is the longest. */
function table(rows: readonly Facts[]): readonly (readonly Piece[])[] {
  if (rows.length === 0) return [["no producer waits for a subject of another"]];
  const lines = rows.map((row) => [
    text(row["asked_at"]).replace(/\.\d+Z$/, "Z"),
    text(row["producer_id"]),
    text(row["subject_id"]),
    text(row["subject_key"]),
  ]);
  return columns(lines);
}
