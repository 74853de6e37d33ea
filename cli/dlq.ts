/** `cepa dlq list`, `show`, `redrive` and `drop`: an administrator looks after what producers sent and nobody could write. */
import { type AdminChoice, type AdminNode, findAdminNode } from "#cli/admin-node.ts";
import { columns, formatBytes, note, noteFailure, type Piece, paint, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { count, records, text } from "#cli/fields.ts";
import { type Facts, factsIn, refusalIn } from "#cli/http.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Dead letters that are listed unless somebody asks for more. */
export const LETTERS_LISTED_MAX = 100;

const LETTERS = "/ingest/dead-letters";

export interface ListOptions extends AdminChoice {
  readonly after?: string;
  readonly limit?: number;
}

export async function listLetters({ after, limit = LETTERS_LISTED_MAX, ...options }: ListOptions): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const rows: Facts[] = [];
  let next = after;
  let last = after;
  let totalCount = 0;
  let isWhole = true;
  do {
    const page = factsIn(
      await node.value.ask("GET", next === undefined ? LETTERS : `${LETTERS}/after/${next}`),
      200,
      "letters",
    );
    if (!page.ok) return page;
    const letters = records(page.value["letters"]);
    const wanted = letters.slice(0, limit - rows.length);
    // As they come: there may be many, and whoever reads them may want but the first.
    if (options.json === true) for (const letter of wanted) print(JSON.stringify(letter));
    rows.push(...wanted);
    totalCount = count(page.value["total"]);
    next = nextIn(page.value, next);
    isWhole = next === undefined && wanted.length === letters.length;
    last = text(wanted.at(-1)?.["letter_id"]) || last;
  } while (next !== undefined && rows.length < limit);
  if (options.json !== true) for (const line of table(rows)) print(...line);
  if (!isWhole && totalCount > rows.length) {
    note(`there are ${totalCount} in all: go on with --after ${last}`, options.json);
  }
  return ok();
}

export async function showLetter(letter: string, options: AdminChoice): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const shown = factsIn(await node.value.ask("GET", `${LETTERS}/${letter}`), 200, "letter_id");
  if (!shown.ok) return shown;
  if (options.json === true) print(JSON.stringify(shown.value));
  else
    for (const line of columns(Object.entries(shown.value).map(([name, value]) => [name, said(value)]))) print(...line);
  if (shown.value["payload_cut"] === true) {
    note(`only the beginning of the ${count(shown.value["payload_bytes"])} bytes that came is kept`, options.json);
  }
  return ok();
}

/** In order; one that stays dead keeps no other from being redriven. */
export async function redriveLetters(letters: readonly string[], options: AdminChoice): Promise<Outcome> {
  return await each(letters, options, async (node, letter) => {
    const redriven = factsIn(await node.ask("POST", `${LETTERS}/${letter}/redrive`), 200, "result");
    if (!redriven.ok) return redriven;
    const { result, outcome, reason, error } = redriven.value;
    if (result === "still-dead") {
      return fail({ code: "cli.still-dead", message: `it is still no event: ${said(reason)}, ${said(error)}` });
    }
    const line = result !== "written" ? "nothing to write" : outcome === "same" ? "was written before" : "written";
    return ok({ facts: redriven.value, line });
  });
}

export async function dropLetters(letters: readonly string[], options: AdminChoice): Promise<Outcome> {
  return await each(letters, options, async (node, letter) => {
    const answer = await node.ask("POST", `${LETTERS}/${letter}/drop`);
    if (!answer.ok) return answer;
    if (answer.value.status !== 204) return fail(refusalIn(answer.value));
    return ok({ facts: { letter_id: letter, result: "dropped" }, line: "dropped" });
  });
}

/** Fails with the last failure. */
async function each(
  letters: readonly string[],
  options: AdminChoice,
  act: (node: AdminNode, letter: string) => Promise<Outcome<{ readonly facts: Facts; readonly line: string }>>,
): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  let outcome: Outcome = ok();
  for (const letter of letters) {
    const done = await act(node.value, letter);
    if (done.ok) {
      print(options.json === true ? JSON.stringify(done.value.facts) : `${letter}  ${done.value.line}`);
      continue;
    }
    if (letters.length === 1) return done;
    noteFailure(done.failure, { json: options.json, of: { letter } });
    outcome = fail({ code: done.failure.code, message: "not all of it was done" });
  }
  return outcome;
}

/** Undefined at the end, and where an answer leads nowhere new. */
function nextIn(page: Facts, before: string | undefined): string | undefined {
  const next = text(page["next"]);
  return /^\d{1,20}-\d{1,20}$/.test(next) && next !== before ? next : undefined;
}

function table(rows: readonly Facts[]): readonly (readonly Piece[])[] {
  if (rows.length === 0) return [["no dead letters"]];
  const lines = rows.map((row) => [
    text(row["letter_id"]),
    text(row["last_at"]).replace(/\.\d+Z$/, "Z"),
    paint("red", text(row["reason"])),
    text(row["producer_id"]) || "-",
    formatBytes(count(row["payload_bytes"])),
    text(row["error"]),
  ]);
  return columns(lines);
}

function said(value: unknown): string {
  return typeof value === "string" ? value : String(value ?? "-");
}
