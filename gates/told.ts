/** Gates as a terminal has them: a line for each, those first that are in the way of a release, or whole rows. */
import { commandsOf, type Gate } from "#gates/page.ts";

/** Narrower than this nothing is wrapped: a column of words cannot be read either. */
const COLUMNS_MIN = 40;
/** What stands before the text of a gate: its id, its state, and two spaces after each. */
const INDENT = 19;

/** What is false, then what is undecided, each with what it last came to, then what is true by its name alone. */
export function shortLines(gates: readonly Gate[], columns: number): readonly string[] {
  const open = ["false", "undecided"].flatMap((wanted) => gates.filter(({ state }) => state === wanted));
  const done = gates.filter(({ state }) => state === "true");
  return [
    ...open.flatMap((gate) => [...head(gate, columns), ...block(`${gate.result} (${deciderOf(gate)})`, columns)]),
    ...(open.length > 0 && done.length > 0 ? [""] : []),
    ...done.flatMap((gate) => head(gate, columns)),
  ];
}

export function wholeRow(gate: Gate, columns: number): readonly string[] {
  return [
    ...head(gate, columns),
    ...block(`Read here as: ${gate.readAs}`, columns),
    ...block(`Decided by: ${deciderOf(gate)}`, columns),
    ...block(`Last result: ${gate.result}`, columns),
  ];
}

/** Without the marks of Markdown: of a link, its text. */
export function plain(text: string): string {
  return text
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("\\|", "|")
    .replaceAll("`", "");
}

function deciderOf(gate: Gate): string {
  const commands = commandsOf(gate);
  return commands.length === 0 ? "no command decides it yet" : commands.join(", ");
}

function head({ id, state, says }: Gate, columns: number): readonly string[] {
  const [first = "", ...more] = block(says, columns);
  return [`${id.padEnd(8)}${state.padEnd(INDENT - 8)}${first.trimStart()}`, ...more];
}

/** Indented, and no line wider than `columns` but for a word that is. */
function block(text: string, columns: number): readonly string[] {
  const room = Math.max(columns, COLUMNS_MIN) - INDENT;
  const lines: string[] = [];
  for (const word of plain(text).split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => " ".repeat(INDENT) + line);
}
