/**
 * What there is to run in a source file: the lines on which a statement begins, and the branches of each decision.
 *
 * It is read from the source alone, so a file that nothing loads has as much to run as one that is tested. A branch is a
 * place; where no text stands for it (an `if` without `else`, the right side of `&&` passed over), it was taken as often as
 * its decision was come to and what is there instead was not. Both sides of `&&`, `||` and `??` count.
 *
 * Not counted are decisions that V8 does not count: `?.`, default values and `??=`. Nor is what closes a switch that is
 * complete, `unreachable(…)`: no test comes there without lying to the compiler.
 */
import type { AnyNode, SwitchStatement } from "acorn";
import { isUnreachable, javaScriptOf, linesOf, walk } from "#gates/javascript.ts";

export interface Line {
  readonly line: number;
  /** Offset of the statement. */
  readonly at: number;
}

export interface Branch {
  readonly line: number;
  readonly at: number;
  /** Offset of what was done instead. */
  readonly instead?: number;
}

export interface Outline {
  /** The source without its types: what the engine runs. */
  readonly text: string;
  /** Several statements may begin on one line. */
  readonly lines: readonly Line[];
  readonly branches: readonly Branch[];
}

/** Statements that do something by themselves, beside those that only hold others. */
const DOING: ReadonlySet<string> = new Set([
  ...["ExpressionStatement", "ReturnStatement", "ThrowStatement", "BreakStatement", "ContinueStatement"],
  ...["IfStatement", "SwitchStatement", "TryStatement"],
  ...["ForStatement", "ForInStatement", "ForOfStatement", "WhileStatement", "DoWhileStatement"],
]);

export function outlineOf(source: string): Outline {
  const { text, tree } = javaScriptOf(source);
  const lineOf = linesOf(text);
  const lines: Line[] = [];
  const branches: Branch[] = [];
  const branch = (at: number, instead?: number): void => {
    branches.push({ line: lineOf(at), at, ...(instead === undefined ? {} : { instead }) });
  };
  walk(tree, (node) => {
    if (isClosing(node)) return false;
    if (isDoing(node)) lines.push({ line: lineOf(node.start), at: node.start });
    switch (node.type) {
      case "ArrowFunctionExpression":
        if (node.expression) lines.push({ line: lineOf(node.body.start), at: node.body.start });
        break;
      case "IfStatement":
        branch(node.consequent.start);
        if (node.alternate) branch(node.alternate.start);
        else branch(node.start, node.consequent.start);
        break;
      case "ConditionalExpression":
        branch(node.consequent.start);
        branch(node.alternate.start);
        break;
      case "LogicalExpression":
        branch(node.right.start);
        branch(node.left.start, node.right.start);
        break;
      case "SwitchStatement":
        for (const at of casesOf(node)) branch(at);
        break;
    }
    return true;
  });
  return { text, lines, branches };
}

function isDoing(node: AnyNode): boolean {
  if (node.type === "VariableDeclaration") return node.declarations.some(({ init }) => init);
  return DOING.has(node.type) && !(node.type === "ExpressionStatement" && node.directive !== undefined);
}

function casesOf({ cases }: SwitchStatement): readonly number[] {
  return cases.filter((one) => !isClosing(one)).map(({ start }) => start);
}

/** `default: return unreachable(value);`, and the like outside of a switch. */
function isClosing(node: AnyNode): boolean {
  if (node.type === "SwitchCase") return node.consequent.length === 1 && node.consequent.every(isUnreachable);
  return isUnreachable(node);
}
