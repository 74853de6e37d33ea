/** The commands of administrators that look after what producers send, a part of `program.ts`: dead letters, and events. */
import { type Command, InvalidArgumentError } from "commander";
import { type AdminFlags, adminOf, askingCommand, examples } from "#cli/admin-options.ts";
import { readNotEmpty } from "#cli/arguments.ts";
import type { Outcome } from "#cli/failure.ts";

/** Dead letters that are listed at the most: more than a node keeps. */
export const LETTERS_LIMIT_MAX = 1_000_000;

/** `answer` takes what a command came to. */
export function addIngest(program: Command, answer: (outcome: Outcome) => void): void {
  addLetters(program, answer);
  addEvents(program, answer);
}

function addLetters(program: Command, answer: (outcome: Outcome) => void): void {
  const dlq = program
    .command("dlq")
    .description("Entries of streams that were no events: dead letters. For administrators.")
    .addHelpText("after", examples(["dlq list --admin trust", "dlq show 1760000000000-0 --admin trust"]));

  const ask = (usage: string, description: string, ...lines: readonly string[]): Command =>
    askingCommand(dlq, usage, description, lines).option("--json", "one JSON object a line");

  ask(
    "list",
    "List the dead letters, the oldest first, without what came.",
    "dlq list --admin trust",
    "dlq list --json | jq -r 'select(.reason == \"producer_subject_forbidden\").letter_id' | xargs cepa dlq redrive",
    "dlq list --after 1760000000000-0 --limit 1000",
  )
    .option("--after <letter>", "those that came after this one", readLetter)
    .option("--limit <count>", "so many, instead of a hundred", readLimit)
    .action(async (options: AdminFlags & ListFlags, command: Command) => {
      const { listLetters } = await import("#cli/dlq.ts");
      answer(await listLetters({ ...options, admin: adminOf(options, command) }));
    });

  ask("show", "Show one with what came, and why it was no event.", "dlq show 1760000000000-0 --admin trust")
    .argument("<letter>", LETTER_ARGUMENT, readLetter)
    .action(async (letter: string, options: AdminFlags, command: Command) => {
      const { showLetter } = await import("#cli/dlq.ts");
      answer(await showLetter(letter, { ...options, admin: adminOf(options, command) }));
    });

  ask(
    "redrive",
    "Judge them once more, as they came. One that is an event now is written, and gone from here.",
    "dlq redrive 1760000000000-0 --admin trust",
  )
    .argument("<letter...>", LETTER_ARGUMENT, readLetters)
    .action(async (letters: readonly string[], options: AdminFlags, command: Command) => {
      const { redriveLetters } = await import("#cli/dlq.ts");
      answer(await redriveLetters(letters, { ...options, admin: adminOf(options, command) }));
    });

  ask("drop", "Drop them. Nothing is left of them.", "dlq drop 1760000000000-0 --admin trust")
    .argument("<letter...>", LETTER_ARGUMENT, readLetters)
    .action(async (letters: readonly string[], options: AdminFlags, command: Command) => {
      const { dropLetters } = await import("#cli/dlq.ts");
      answer(await dropLetters(letters, { ...options, admin: adminOf(options, command) }));
    });
}

function addEvents(program: Command, answer: (outcome: Outcome) => void): void {
  const events = program
    .command("events")
    .description("Events that were committed. For administrators.")
    .addHelpText("after", examples(["events get 01997a6c-0000-7000-8000-000000000001 --admin trust"]));

  askingCommand(events, "get", "Print an event as JSON, its payload with every digit; or what its payload links to.", [
    "events get 01997a6c-0000-7000-8000-000000000001 --admin trust",
    "events get 01997a6c-0000-7000-8000-000000000001 | jq .payload",
    "events get 01997a6c-0000-7000-8000-000000000001 --resolve -o book.parquet",
  ])
    .argument("<id>", "the event_id", readUuid)
    .option("--resolve", "the bytes that $ref of the payload names, from the store or from its URL, verified")
    .option("-o, --output <file>", "with --resolve: write here instead of standard output", readNotEmpty)
    .option("--no-clobber", "fail if the file exists")
    .option("--json", "with -o: say what was written, as JSON")
    .addHelpText("after", `\n${REF_NOTE}`)
    .action(async (eventId: string, options: AdminFlags & ResolveFlags, command: Command) => {
      if (options.resolve === true) {
        const { resolveEvent } = await import("#cli/resolve-event.ts");
        return answer(await resolveEvent(eventId, { ...options, admin: adminOf(options, command) }));
      }
      if (options.output !== undefined) command.error("error: -o needs --resolve");
      const { getEvent } = await import("#cli/events.ts");
      answer(await getEvent(eventId, { ...options, admin: adminOf(options, command) }));
    });
}

/** Of a heavy payload. */
const REF_NOTE = `A payload that stands for a heavier one has {"$ref":{"address":"b3:…","size":N}}, as cepa put --json says them, and
"url":"https://…" beside these where that is in a bucket.`;

interface ResolveFlags {
  readonly resolve?: boolean;
  readonly output?: string;
  readonly clobber?: boolean;
}

interface ListFlags {
  readonly after?: string;
  readonly limit?: number;
}

const LETTER_ARGUMENT = "as list names it, like 1760000000000-0";

function readLetter(text: string): string {
  if (/^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/.test(text)) return text;
  throw new InvalidArgumentError("A dead letter is named like 1760000000000-0.");
}

/** Adds to those before it. */
function readLetters(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, readLetter(text)];
}

function readUuid(text: string): string {
  const id = text.toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  throw new InvalidArgumentError("The id of an event is a UUID.");
}

function readLimit(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text) && Number(text) <= LETTERS_LIMIT_MAX) return Number(text);
  throw new InvalidArgumentError(`It is a count, 1 to ${LETTERS_LIMIT_MAX}.`);
}
