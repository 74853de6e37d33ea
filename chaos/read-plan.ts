/**
 * A plan from outside, looked at field by field: what is missing, unknown or out of bounds is named by its place, and a plan
 * that is taken is one that every executor understands.
 */
import { JsonReader } from "#actors/domain/json-reader.ts";
import { DISK_OPERATIONS, type Fault, type FaultKind, PLAN_ERRNOS } from "#chaos/fault.ts";
import { DIRECTIONS } from "#chaos/network/barrier.ts";
import { CLIENT_GROUPS } from "#chaos/network/groups.ts";
import { PLAN_CLIENTS_MAX, PLAN_FAULTS_MAX, PLAN_MS_MAX, PLAN_PRODUCERS_MAX, type Plan } from "#chaos/plan.ts";
import { RATIO_PARTS_MAX } from "#chaos/ratio.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { GiB } from "#runtime/units.ts";
import { SERVERS } from "#supervisor/child-spec.ts";
import { tree } from "#supervisor/tree.ts";

/** A plan that cannot be taken, and why, by the place in it: `faults[3].forMs is missing`. */
export interface PlanInvalid extends Failure<"chaos.plan-invalid"> {
  readonly problem: string;
}

/** Undefined where the value may stand there, else what should. */
type Rule = (value: unknown) => string | undefined;

const whole =
  (min: number, max: number): Rule =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `a whole number from ${min} to ${max}`;
const text: Rule = (value) => (typeof value === "string" && value.length <= 65_536 ? undefined : "a text");
const flag: Rule = (value) => (typeof value === "boolean" ? undefined : "true or false");
const oneOf =
  (known: readonly string[]): Rule =>
  (value) =>
    known.includes(value as string) ? undefined : `one of ${known.join(", ")}`;
const ratio: Rule = (value) => {
  const [count, of] = Array.isArray(value) && value.length === 2 ? value : [];
  const isRatio = whole(1, RATIO_PARTS_MAX)(of) === undefined && whole(0, of)(count) === undefined;
  return isRatio ? undefined : "a ratio of whole numbers, as [1, 10] is";
};
const someOf =
  (known: readonly string[]): Rule =>
  (value) => {
    const chosen = Array.isArray(value) ? value : [];
    const isChoice = chosen.length > 0 && chosen.every((one) => known.includes(one));
    return isChoice && new Set(chosen).size === chosen.length ? undefined : `a list of some of ${known.join(", ")}`;
  };
/** It is a part of the names of files. */
const name: Rule = (value) =>
  typeof value === "string" && /^[a-z0-9][a-z0-9-]{0,63}$/.test(value)
    ? undefined
    : "a name of small letters, digits and hyphens, at most 64";
const ms = whole(0, PLAN_MS_MAX);
const shift: Rule = (value) => (value === 0 ? "another number than 0" : whole(-PLAN_MS_MAX, PLAN_MS_MAX)(value));

/** A field means the same in every kind that has it. */
const FIELDS: Readonly<Record<string, Rule>> = {
  atMs: ms,
  forMs: ms,
  delayMs: ms,
  jitterMs: ms,
  byMs: shift,
  actor: oneOf(tree.cells.flatMap(({ workers }) => workers.map(({ name }) => name))),
  failpoint: text,
  cell: oneOf(tree.cells.map(({ name }) => name)),
  server: oneOf(SERVERS),
  config: text,
  power: flag,
  loss: ratio,
  duplicate: ratio,
  reorder: ratio,
  breaks: ratio,
  groups: someOf(CLIENT_GROUPS),
  lost: oneOf(DIRECTIONS),
  bytesPerSecond: whole(1, 1 * GiB),
  operation: oneOf(DISK_OPERATIONS),
  errno: oneOf(PLAN_ERRNOS),
  count: whole(1, 1_000_000),
  number: whole(1, 1_000_000),
  gainMs: whole(-1000, 60_000),
  freeBytes: whole(0, 1024 * GiB),
};

/** What each kind has beside `kind` and `atMs`: the compiler holds it equal to the kinds there are. */
const KINDS: Readonly<Record<FaultKind, readonly string[]>> = {
  "crash-actor": ["actor"],
  panic: ["forMs", "actor", "failpoint", "count"],
  "resume-actor": ["actor"],
  "kill-cell": ["cell"],
  "stop-cell": ["forMs", "cell"],
  "kill-node": ["forMs", "power"],
  "kill-server": ["server"],
  "stall-server": ["forMs", "server"],
  "cut-link": ["forMs", "cell"],
  "slow-link": ["forMs", "cell", "delayMs"],
  "bad-network": ["forMs", "loss", "duplicate", "delayMs", "jitterMs"],
  partition: ["forMs", "groups"],
  "one-way-cut": ["forMs", "groups", "lost"],
  "narrow-network": ["forMs", "bytesPerSecond"],
  "reordered-network": ["forMs", "reorder", "delayMs"],
  "broken-connections": ["forMs", "breaks"],
  "disk-error": ["forMs", "operation", "errno", "count"],
  "short-write": ["forMs", "errno", "count"],
  "torn-write": ["forMs"],
  "bit-flip": ["count"],
  "kill-at-operation": ["forMs", "operation", "number", "power"],
  "disk-slow": ["forMs", "delayMs"],
  "disk-full": ["forMs", "freeBytes"],
  "clock-jump": ["byMs"],
  "clock-drift": ["forMs", "gainMs"],
  "cpu-stall": ["forMs", "cell"],
  "memory-pressure": ["forMs", "cell", "freeBytes"],
  "change-config": ["forMs", "config"],
};

const PLAN_FIELDS: Readonly<Record<Exclude<keyof Plan, "faults" | "producers">, Rule>> = {
  scenario: name,
  seed: whole(0, 2 ** 32 - 1),
  durationMs: whole(1, PLAN_MS_MAX),
  settlesWithinMs: whole(1, PLAN_MS_MAX),
  clients: whole(1, PLAN_CLIENTS_MAX),
  pauseMs: whole(0, 60_000),
  config: text,
};

/** Fields that a plan need not have. */
const PLAN_OPTIONS: Readonly<Record<string, Rule>> = { producers: whole(0, PLAN_PRODUCERS_MAX) };

export function readPlan(json: string): Result<Plan, PlanInvalid> {
  const reader = new JsonReader(json, "any");
  const given = reader.document();
  if (given === undefined) return refused(problemOfText(json, reader));
  if (!isRecord(given)) return refused("it is no object");
  const { faults, ...rest } = given;
  const chosen = Object.entries(PLAN_OPTIONS).filter(([name]) => Object.hasOwn(rest, name));
  const problem = problemIn("", rest, { ...PLAN_FIELDS, ...Object.fromEntries(chosen) });
  if (problem !== undefined) return refused(problem);
  if (!Array.isArray(faults) || faults.length > PLAN_FAULTS_MAX) {
    return refused(`faults has to be a list of at most ${PLAN_FAULTS_MAX}`);
  }
  for (const [index, fault] of faults.entries()) {
    const wrong = problemOfFault(`faults[${index}]`, fault, Number(rest["durationMs"]));
    if (wrong !== undefined) return refused(wrong);
  }
  return ok({ ...rest, faults: faults as readonly Fault[] } as unknown as Plan);
}

/** Where it begins in the text, for who has an editor. */
function problemOfText(json: string, { problem, at }: JsonReader): string {
  const lines = json.slice(0, at).split("\n");
  const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
  if (problem !== "duplicate-key") return `it is no JSON: ${problem}, ${place}`;
  const [key] = /"(?:[^"\\]|\\.)*"/.exec(json.slice(at)) ?? [];
  return `${key} is there twice in one object, the second time in ${place}`;
}

function problemOfFault(place: string, given: unknown, durationMs: number): string | undefined {
  if (!isRecord(given)) return `${place} is no object`;
  const { kind, ...fields } = given;
  const wanted = typeof kind === "string" && Object.hasOwn(KINDS, kind) ? KINDS[kind as FaultKind] : undefined;
  if (wanted === undefined) return `${place}.kind has to be one of ${Object.keys(KINDS).join(", ")}`;
  const rules = Object.fromEntries(["atMs", ...wanted].map((name) => [name, FIELDS[name] ?? text]));
  const isLate = Number(fields["atMs"]) >= durationMs;
  return problemIn(`${place}.`, fields, rules) ?? (isLate ? `${place}.atMs is not within durationMs` : undefined);
}

function problemIn(place: string, given: object, rules: Readonly<Record<string, Rule>>): string | undefined {
  for (const [name, rule] of Object.entries(rules)) {
    if (!Object.hasOwn(given, name)) return `${place}${name} is missing`;
    const wanted = rule(Reflect.get(given, name));
    if (wanted !== undefined) return `${place}${name} has to be ${wanted}`;
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(rules, name));
  return unknown === undefined ? undefined : `${place}${unknown} is not known here`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(problem: string): Result<never, PlanInvalid> {
  return fail({ code: "chaos.plan-invalid", problem });
}
