/** What a model may do, by the text of its module: the names in its `Next`, and whether one of them ever comes about. */
import type { Explored } from "#chaos/models/checker.ts";
import { assert } from "#runtime/errors.ts";

const TAKEN = "this action is taken";
const HEAD = /^-+ MODULE \w+ -+\n/m;
const EXTENDS = /^EXTENDS /m;

/** The names of what a model may do: what it defines of that which stands in its `Next`. */
export function actionsIn(model: string): readonly string[] {
  const [next = ""] = model.match(definitionOf("Next")) ?? [];
  // Of whom an action is, is no action.
  const words = new Set(next.replaceAll(/\\in\s+\w+/g, "").match(/\b[A-Z]\w*/g));
  const actions = [...words].filter((word) => word !== "Next" && definitionOf(word).test(model));
  assert(actions.length > 0, "a model does something");
  return actions;
}

/** The module in which it is a mistake to take this action: it is made when all that it asks for is so. */
export function forbidding(model: string, action: string): string {
  assert(definitionOf(action).test(model), `${action} is an action of the model`);
  const forbidden = model.replace(
    definitionOf(action),
    (definition) => `${definition}  /\\ Assert(FALSE, "${TAKEN}")\n`,
  );
  return EXTENDS.test(model)
    ? forbidden.replace(EXTENDS, "EXTENDS TLC, ")
    : forbidden.replace(HEAD, (head) => `${head}EXTENDS TLC\n`);
}

/** Whether what was forbidden was done. */
export function isTaken({ problem, message }: Explored): boolean {
  return problem === "broken" && message.includes(TAKEN);
}

/** Its line, and those that are further to the right. */
function definitionOf(name: string): RegExp {
  return new RegExp(`^${name}(\\(\\w+\\))? ==.*\\n(?: .*\\n)*`, "m");
}
