/**
 * `cepa events get`: an event that was committed, as JSON; with `--resolve` the bytes that its payload links to.
 *
 * The event is printed with the characters that came: read and written anew, its numbers would lose digits.
 */
import { type AdminChoice, findAdminNode } from "#cli/admin-node.ts";
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { refusalIn } from "#cli/http.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export async function getEvent(eventId: string, options: AdminChoice): Promise<Outcome> {
  const event = await readEvent(eventId, options);
  if (event.ok) print(event.value.text);
  return event.ok ? ok() : event;
}

export interface ReadEvent {
  /** JSON, in one line. */
  readonly text: string;
  /** Its numbers as JavaScript has them. */
  readonly payload: unknown;
}

export async function readEvent(eventId: string, options: AdminChoice): Promise<Outcome<ReadEvent>> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const answer = await node.value.ask("GET", `/ingest/events/${eventId}`);
  if (!answer.ok) return answer;
  if (answer.value.status !== 200) return fail(refusalIn(answer.value));
  const text = answer.value.body.trimEnd();
  const event = parseJson(text);
  if (!isRecord(event) || event["event_id"] !== eventId || text.includes("\n")) {
    return fail({ code: "cli.bad-answer", message: `the answer is not the event ${eventId}` });
  }
  return ok({ text, payload: event["payload"] });
}
