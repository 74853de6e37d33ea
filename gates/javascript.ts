/**
 * A source file as the engine sees it: types are blanked, positions stay, and what remains is parsed.
 *
 * Node runs the sources in that form, so that an offset in what V8 counts is the same offset here and in the file.
 */
import { stripTypeScriptTypes } from "node:module";
import { type AnyNode, type Node, type Program, parse } from "acorn";

export interface JavaScript {
  /** As long as the source, with the same lines. */
  readonly text: string;
  readonly tree: Program;
}

export function javaScriptOf(source: string): JavaScript {
  const text = withoutTypes(source);
  return { text, tree: parse(text, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true }) };
}

/** The text that the engine is given for a file: Node says below it where it is from. */
export function loadedText(text: string, url: string): string {
  return `${text}\n\n//# sourceURL=${url}`;
}

/** It says once a process that it is experimental. Node is pinned, and with it what it does. */
function withoutTypes(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(source, { mode: "strip" });
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Every node below `node` that is looked into, it first, in the order of the text. What `enter` refuses is passed over. */
export function walk(node: AnyNode, enter: (node: AnyNode) => boolean): void {
  if (!enter(node)) return;
  for (const child of childrenOf(node)) walk(child, enter);
}

export function childrenOf(node: AnyNode): readonly AnyNode[] {
  return Object.values(node).flat().filter(isNode);
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && typeof (value as Node).type === "string";
}

/** The statement `return unreachable(value);` or the like: what no value comes to, unless the compiler is lied to. */
export function isUnreachable(node: AnyNode): boolean {
  const [call] =
    node.type === "ReturnStatement" ? [node.argument] : node.type === "ExpressionStatement" ? [node.expression] : [];
  return call?.type === "CallExpression" && call.callee.type === "Identifier" && call.callee.name === "unreachable";
}

/** Which line an offset of `text` is on, counted from 1. */
export function linesOf(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
