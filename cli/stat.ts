/** `cepa stat`: what the node knows of an object, without its bytes. */
import { columns, formatBytes, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, getText, refusalIn } from "#cli/http.ts";
import { parseFacts } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface StatOptions extends NodeChoice {
  readonly json?: boolean;
}

export async function stat(address: string, options: StatOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const answer = await getText(`${url.value}/stat/${encodeURIComponent(address)}`, ANSWER_TIMEOUT_MS);
  if (!answer.ok) return answer;
  if (answer.value.status !== 200) return fail(refusalIn(answer.value));
  const facts = parseFacts(answer.value.body);
  if (facts?.address !== address)
    return fail({ code: "cli.bad-answer", message: "the answer does not describe the object" });

  if (options.json === true) print(JSON.stringify(facts));
  else {
    const rows = [
      ["address", facts.address],
      ["size", `${facts.size} (${formatBytes(facts.size)})`],
      ["chunks", String(facts.chunks)],
      ["manifest", facts.manifest],
    ];
    for (const line of columns(rows)) print(...line);
  }
  return ok();
}
