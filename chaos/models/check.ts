/**
 * Checks a module as its plan says: what holds, what is reachable, that everything it may do is done, and that mistakes are
 * noticed.
 *
 * A mistake counts as noticed only by what the plan names: nothing else is asked then, and a module that cannot be evaluated,
 * or is not explored to its end, notices nothing.
 */
import { actionsIn, forbidding, isTaken } from "#chaos/models/actions.ts";
import { type Explored, explore, type Model } from "#chaos/models/checker.ts";
import { askedOnly, settingOnly, witnessed } from "#chaos/models/config-file.ts";
import type { ModelPlan, Mutant } from "#chaos/models/plan.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, must } from "#runtime/errors.ts";

/** The texts of a module. */
export interface ModelTexts {
  readonly source: string;
  /** By name. */
  readonly configs: ReadonlyMap<string, string>;
}

/** One exploration, and whether it came out as the plan has it. */
export interface ModelOutcome {
  readonly kind: "holds" | "is reachable" | "is taken" | "is noticed";
  readonly name: string;
  readonly statesExplored: number;
  /** What is not as it should be; undefined where all is. */
  readonly complaint: string | undefined;
}

/** States of a trace that a complaint shows, the last ones. */
const STATES_SHOWN = 12;

export async function readModel(disk: Disk, directory: string, plan: ModelPlan): Promise<ModelTexts> {
  const read = async (name: string): Promise<string> =>
    Buffer.from(must(await disk.readFile(`${directory}/${name}`), `the model ${name}`)).toString();
  const configs = new Map<string, string>();
  for (const { name } of plan.configurations) configs.set(name, await read(`${name}.cfg`));
  return { source: await read(`${plan.module}.tla`), configs };
}

/** One outcome at a time, so that a caller can show them. Without `isLong`, what takes long is left out. */
export function* checkModel(plan: ModelPlan, texts: ModelTexts, isLong: boolean): Generator<ModelOutcome> {
  for (const { name, states, isLong: takesLong = false } of plan.configurations) {
    if (takesLong && !isLong) continue;
    const explored = explore(modelOf(texts, name));
    const isCount = explored.statesExplored === states;
    const otherCount = isCount ? undefined : `${explored.statesExplored} states, where ${states} are known`;
    yield outcome("holds", name, explored, explored.problem === undefined ? otherCount : told(explored));
  }
  for (const { name, configuration } of plan.witnesses) {
    const { source, config } = modelOf(texts, configuration);
    const explored = explore({ source, config: witnessed(config, name) });
    yield outcome("is reachable", name, explored, expectViolated(explored, `${name} holds in ${configuration}`));
  }
  for (const action of actionsIn(texts.source)) yield taken(plan, texts, action);
  for (const mutant of plan.mutants) {
    if (mutant.isLong === true && !isLong) continue;
    const { source, config } = modelOf(texts, mutant.configuration);
    const explored = explore({ source: mutated(source, mutant), config: askedOnly(config, mutant.violates) });
    const complaint = expectViolated(explored, `${mutant.violates} does not notice it`);
    yield outcome("is noticed", mutant.name, explored, complaint);
  }
}

/** In one of the configurations, the large ones too: it is met soon, or it is none of those that are small. */
function taken({ configurations }: ModelPlan, texts: ModelTexts, action: string): ModelOutcome {
  let statesExplored = 0;
  for (const { name } of configurations) {
    const { source, config } = modelOf(texts, name);
    const explored = explore({ source: forbidding(source, action), config: settingOnly(config) });
    statesExplored += explored.statesExplored;
    if (isTaken(explored)) return { kind: "is taken", name: action, statesExplored, complaint: undefined };
    if (explored.problem !== undefined) return outcome("is taken", action, explored, told(explored));
  }
  return { kind: "is taken", name: action, statesExplored, complaint: "no configuration comes to it" };
}

/** The module with the mistake in it. */
export function mutated(source: string, { name, from, to }: Pick<Mutant, "name" | "from" | "to">): string {
  const parts = source.split(from);
  assert(parts.length === 2, `"${name}" has its place in the module exactly once, not ${parts.length - 1} times`);
  return parts.join(to);
}

function modelOf({ source, configs }: ModelTexts, name: string): Model {
  const config = configs.get(name);
  assert(config !== undefined, `the plan has the configuration ${name}`);
  return { source, config };
}

function expectViolated(explored: Explored, held: string): string | undefined {
  if (explored.problem === "violated") return undefined;
  return explored.problem === undefined ? held : told(explored);
}

function told({ problem, message, trace }: Explored): string {
  return [`it is ${problem}: ${message}`, ...trace.slice(-STATES_SHOWN)].join("\n");
}

function outcome(
  kind: ModelOutcome["kind"],
  name: string,
  { statesExplored }: Explored,
  complaint: string | undefined,
): ModelOutcome {
  return { kind, name, statesExplored, complaint };
}
