/** `cepa logs`: what a node in amnesia mode remembers of its log. Any other node has files. */
import { askAdmin } from "#cli/admin.ts";
import { note, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findNode, type NodeChoice } from "#cli/find-node.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface LogsOptions extends NodeChoice {
  /** Of what is said beside the lines. */
  readonly json?: boolean;
}

/** Prints the lines as they are: JSON, the oldest first. */
export async function logs(options: LogsOptions): Promise<Outcome> {
  const node = findNode(options);
  if (!node.ok) return node;
  const answer = await askAdmin(node.value, { command: "logs" });
  if (!answer.ok) return answer;
  const { lines, goneCount } = answer.value;
  if (!Array.isArray(lines)) {
    return fail({ code: "cli.bad-answer", message: "the node answered without lines: is it of this version?" });
  }
  for (const line of lines) print(String(line));
  if (typeof goneCount === "number" && goneCount > 0) note(`${goneCount} older lines are gone`, options.json);
  return ok();
}
