/** `cepa letters`: messages that an actor accepted and lost, to look at and to send again. */
import { askAdmin } from "#cli/admin.ts";
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findNode, type NodeChoice } from "#cli/find-node.ts";
import { isRecord } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

interface LettersOptions extends NodeChoice {
  readonly json?: boolean;
  /** Number of the letter to send again. */
  readonly replay?: number;
}

/** `target` is `actor/<name>`. */
export async function letters(target: string, options: LettersOptions): Promise<Outcome> {
  const node = findNode(options);
  if (!node.ok) return node;
  if (options.replay !== undefined) {
    const request = { command: "replay", target, letter: options.replay } as const;
    const answer = await askAdmin(node.value, request);
    if (!answer.ok) return answer;
    print(options.json === true ? JSON.stringify(request) : `sent letter ${options.replay} to ${target} again`);
    return ok();
  }
  const answer = await askAdmin(node.value, { command: "letters", target });
  if (!answer.ok) return answer;
  const list = answer.value["letters"];
  if (!Array.isArray(list)) {
    return fail({ code: "cli.bad-answer", message: "the node answered without letters: is it of this version?" });
  }
  if (options.json === true) {
    for (const letter of list) print(JSON.stringify(letter));
  } else if (list.length === 0) {
    print(`no dead letters of ${target}`);
  } else {
    for (const letter of list) if (isRecord(letter)) print(lineOf(letter));
  }
  return ok();
}

/** `12  2026-01-01T00:00:00.000Z  poison  put  {"size":3}`. */
function lineOf({ id, at, reason, name, request, isReplayable }: Readonly<Record<string, unknown>>): string {
  const what = isReplayable === true ? request : "(too large to keep, or a stream)";
  return [id, at, reason, name, what].map(String).join("  ");
}
