/** `cepa status`: `/status` of the node, as `key  value` lines or as the JSON it is. The tree is left to `cepa ps`. */
import { ADMIN_TIMEOUT_MS } from "#cli/admin.ts";
import { columns, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { getText, refusalIn } from "#cli/http.ts";
import { parseStatus } from "#cli/node-status.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface StatusOptions extends NodeChoice {
  readonly json?: boolean;
}

export async function status(options: StatusOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const answer = await getText(`${url.value}/status`, ADMIN_TIMEOUT_MS);
  if (!answer.ok) return answer;
  if (answer.value.status !== 200) return fail(refusalIn(answer.value));
  const said = parseJson(answer.value.body);
  if (!isRecord(said) || parseStatus(said) === undefined)
    return fail({ code: "cli.bad-answer", message: "the answer is no status" });

  if (options.json === true) print(JSON.stringify(said));
  else {
    const { cells: _, actors: __, ...rest } = said;
    for (const line of columns(flatten(rest))) print(...line);
  }
  return ok();
}

/** `{"a": {"b": 1}, "c": ["x", "y"]}` is `a.b  1` and `c  x, y`; lists of objects are numbered. */
export function flatten(value: unknown, path = ""): readonly (readonly string[])[] {
  if (Array.isArray(value)) {
    if (!value.some(isRecord)) return [[path, value.length === 0 ? "none" : value.join(", ")]];
    return value.flatMap((item, index) => flatten(item, `${path}.${labelOf(item) ?? index}`));
  }
  if (!isRecord(value)) return [[path, String(value)]];
  return Object.entries(value)
    .filter(([key]) => key !== "name")
    .flatMap(([key, inner]) => flatten(inner, path === "" ? key : `${path}.${key}`));
}

function labelOf(item: unknown): string | undefined {
  return isRecord(item) && typeof item["name"] === "string" ? item["name"] : undefined;
}
