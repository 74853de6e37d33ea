/** What an answer says in JSON. */
import type { WorldAnswer } from "#chaos/world.ts";

/** Its fields; none where it says something else. */
export function fieldsIn({ body }: Pick<WorldAnswer, "body">): Readonly<Record<string, unknown>> {
  const text = Buffer.from(body).toString("utf8");
  return text.startsWith("{") ? JSON.parse(text) : {};
}
