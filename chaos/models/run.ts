/**
 * Whether a run of the real thing is one of its model.
 *
 * A run is a list of looks at it. A module of its own, which extends the model, follows them, and what it cannot follow the
 * model does not allow. A model has more in a state than can be seen, and every state that a run may be in is followed.
 *
 * The checker reads one module, so the model is put in the place where it is extended.
 */
import { type Explored, explore } from "#chaos/models/checker.ts";
import { assert } from "#runtime/errors.ts";

/** A model, and the module that holds runs against it, as texts. */
export interface RunModules {
  readonly model: string;
  readonly run: string;
}

export interface FollowedRun {
  /** The module that is extended, and the one that extends it: its constant `Looks` is what was seen. */
  readonly model: string;
  readonly run: string;
  /** The values of the model's other constants. */
  readonly constants: Readonly<Record<string, string | number>>;
  /** Each as a TLA+ expression. */
  readonly looks: readonly string[];
}

/** What came of following a run. */
export interface Followed {
  /** The number of the first look, from 0, that is no consequence of those before; undefined where all of them are. */
  readonly refused: number | undefined;
  /** What the model did on one way through all looks, step by step, where the run's module says it in `did`. */
  readonly actions: readonly string[];
}

export function followRun(run: FollowedRun): Followed {
  let [followedCount, refusedCount] = [0, run.looks.length];
  assert(refusedCount > 0, "something was seen");
  const { problem, trace } = followed(run, refusedCount);
  if (problem === "violated") {
    const actions = trace.flatMap((states) =>
      [...states.matchAll(/\bdid = "(\w+)"/g)].map(([, action = ""]) => action),
    );
    return { refused: undefined, actions };
  }
  while (followedCount + 1 < refusedCount) {
    const count = Math.floor((followedCount + refusedCount) / 2);
    if (followed(run, count).problem === "violated") followedCount = count;
    else refusedCount = count;
  }
  return { refused: followedCount, actions: [] };
}

/** The number of the first look, from 0, that is no consequence of those before; undefined where all of them are. */
export function refusedLook(run: FollowedRun): number | undefined {
  return followRun(run).refused;
}

/** `violated` where so many looks can be followed. */
function followed({ model, run, constants, looks }: FollowedRun, count: number): Explored {
  const values = Object.entries(constants).map(([name, value]) => `  ${name} = ${value}`);
  const seen = `  Looks = <<${looks.slice(0, count).join(", ")}>>`;
  const config = ["INIT RunInit", "NEXT RunNext", "CONSTANTS", ...values, seen, "INVARIANT NeverEnds", ""].join("\n");
  const explored = explore({ source: joined(model, run), config });
  const isWhole = explored.problem === undefined || explored.problem === "violated";
  assert(isWhole, `the run can be followed, or not: ${explored.message}`);
  return explored;
}

/** One module of both. The checker knows one declaration of variables, so that they are declared together. */
export function joined(model: string, run: string): string {
  const [, name = ""] = model.match(MODULE) ?? [];
  const [declared = "", variables = ""] = run.match(VARIABLES) ?? [];
  const own = variables.replaceAll(/\\\*.*$/gm, "").trim();
  const body = replacedOnce(model.replace(MODULE, "").replace(/^=+$/m, ""), "\nVARIABLES\n", `\nVARIABLES ${own},\n`);
  return replacedOnce(replacedOnce(run, declared, ""), `\nEXTENDS ${name}\n`, `\n${body}\n`);
}

const MODULE = /^-+ MODULE (\w+) -+$/m;
/** Up to an empty line. */
const VARIABLES = /\nVARIABLES\n([\s\S]*?)\n(?=\n)/;

function replacedOnce(text: string, from: string, to: string): string {
  const parts = text.split(from);
  assert(parts.length === 2, `the module that follows a run has ${from.trim()} once`);
  return parts.join(to);
}
