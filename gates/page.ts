/**
 * The page of the gates (`specs/gates.md`), and what may not stand in it.
 *
 * A gate that is true or false has the command that decides it and what that last came to, when and on which commit; one that
 * is undecided says why. So a gate can be called true by mistake, but not without having been looked at.
 */

export const STATES = ["true", "false", "undecided"] as const;
export type State = (typeof STATES)[number];

/** What stands where there is no command yet. */
export const NO_COMMAND = "none yet";

export interface Gate {
  /** `13.9a`: a claim of the ninth box of seed 003 §13. `F`: a gate of §18. */
  readonly id: string;
  readonly says: string;
  /** What it comes to in a node of TypeScript. */
  readonly readAs: string;
  /** Without code marks; several are joined by commas. */
  readonly decidedBy: string;
  readonly result: string;
  readonly state: State;
}

/** What each row begins with, in this order; a box has one row or several, `13.9a` and on. */
export const GATE_NAMES: readonly string[] = [
  ...Array.from({ length: 12 }, (_, box) => `13.${box + 1}`),
  ..."ABCDEFGHIJKLMNO",
];

const RESULT = /^\d{4}-\d{2}-\d{2}, [0-9a-f]{7,40}: ./;
/** A reason shorter than this says nothing. */
const REASON_CHARACTERS_MIN = 12;

/** The rows of every table whose first column is `gate`, whatever is wrong with them. */
export function gatesOf(page: string): readonly Gate[] {
  const gates: Gate[] = [];
  let isInside = false;
  for (const line of page.split("\n")) {
    const cells = line.startsWith("|") ? cellsOf(line) : [];
    const [id = "", says = "", readAs = "", decidedBy = "", result = "", state = ""] = cells;
    if (id === "gate") isInside = true;
    else if (cells.length === 0) isInside = false;
    else if (isInside && !/^:?-+:?$/.test(id)) {
      gates.push({ id, says, readAs, decidedBy: decidedBy.replaceAll("`", ""), result, state: state as State });
    }
  }
  return gates;
}

/** One line for each thing that is wrong. `exists` answers whether a path from the root is there. */
export function problemsOf(
  gates: readonly Gate[],
  launcher: string,
  exists: (path: string) => boolean,
): readonly string[] {
  const ids = gates.map(({ id }) => id);
  const missing = GATE_NAMES.filter((name) => !ids.some((id) => nameOf(id) === name));
  return [
    ...missing.map((name) => `no row for ${name}`),
    ...ids.filter((id) => !GATE_NAMES.includes(nameOf(id))).map((id) => `${id} is no gate`),
    ...ids.filter((id, index) => ids.indexOf(id) < index).map((id) => `${id} twice`),
    ...gates.flatMap((gate) => problemsIn(gate, launcher, exists).map((problem) => `${gate.id}: ${problem}`)),
  ];
}

/** Commands of a gate, one each: `./cepa test test/house`. */
export function commandsOf({ decidedBy }: Gate): readonly string[] {
  return decidedBy === NO_COMMAND ? [] : decidedBy.split(/,\s*/);
}

function problemsIn(gate: Gate, launcher: string, exists: (path: string) => boolean): readonly string[] {
  const { says, readAs, result, state } = gate;
  const problems = commandsOf(gate).flatMap((command) => commandProblems(command, launcher, exists));
  if (!STATES.includes(state)) problems.push(`its state is "${state}", not one of ${STATES.join(", ")}`);
  if (says === "" || readAs === "") problems.push("it does not say what it is");
  if (state === "undecided") {
    if (result.length < REASON_CHARACTERS_MIN) problems.push("it is undecided without a reason");
  } else {
    if (!RESULT.test(result)) problems.push(`it is ${state} without a result (date, commit: what came of it)`);
    if (state === "true" && commandsOf(gate).length === 0) problems.push("it is true, and nothing decides it");
  }
  return problems;
}

function commandProblems(command: string, launcher: string, exists: (path: string) => boolean): readonly string[] {
  const [program, name = "", ...words] = command.split(" ");
  if (program !== "./cepa") return [`"${command}" is no command of ./cepa`];
  if (!new RegExp(`^ {2}${name}\\)$`, "m").test(launcher)) return [`there is no command ./cepa ${name}`];
  return words
    .filter((word) => word.includes("/") && !exists(word))
    .map((word) => `"${command}" names ${word}, which is not there`);
}

/** `13.9` of `13.9a`: the box that a row belongs to. */
export function nameOf(id: string): string {
  return id.replace(/^(13\.\d+)[a-z]$/, "$1");
}

function cellsOf(line: string): readonly string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}
