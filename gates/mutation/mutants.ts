/**
 * Small mistakes that somebody could have made in a source: each is one place, and what stands there instead.
 *
 * They are made in the text without types, which is what runs. Left alone is what no behaviour hangs on: imports, what an
 * invariant says of itself, what closes a switch that is complete; and a block where another mistake comes to the same.
 */
import type { AnyNode, Expression } from "acorn";
import { childrenOf, isUnreachable, javaScriptOf, linesOf } from "#gates/javascript.ts";

export interface Mutant {
  readonly kind: MutantKind;
  readonly line: number;
  /** Where it is in the text, and where that ends. */
  readonly at: number;
  readonly end: number;
  /** What stands there, and what does instead. */
  readonly from: string;
  readonly to: string;
}

export type MutantKind = "condition" | "operator" | "literal" | "return" | "block" | "optional chaining";

export interface MutatedSource {
  /** Without types. */
  readonly text: string;
  readonly mutants: readonly Mutant[];
}

type Mistake = Pick<Mutant, "kind" | "at" | "end" | "to">;

/** What an operator could have been. */
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  ...{ "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"] },
  ...{ "===": ["!=="], "!==": ["==="], "&&": ["||"], "||": ["&&"], "??": ["&&"] },
  ...{ "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "**": ["*"] },
  ...{ "<<": [">>"], ">>": ["<<"], ">>>": ["<<"], "&": ["|"], "|": ["&"], "^": ["&"] },
  ...{ "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="] },
};

/** Whose words are for whoever reads a defect. */
const SPOKEN: ReadonlySet<string> = new Set(["assert", "Defect"]);

export function mutantsOf(source: string): MutatedSource {
  const { text, tree } = javaScriptOf(source);
  const lineOf = linesOf(text);
  const mutants: Mutant[] = [];
  const visit = (node: AnyNode, parent: AnyNode): void => {
    for (const mistake of mistakesIn(node, parent, text)) {
      const { at, end } = mistake;
      mutants.push({ ...mistake, line: lineOf(at), from: text.slice(at, end) });
    }
    for (const child of lookedInto(node)) visit(child, node);
  };
  visit(tree, tree);
  return { text, mutants: mutants.sort((a, b) => a.at - b.at) };
}

/** The text with one of its mistakes in it. */
export function planted(text: string, { at, end, to }: Pick<Mutant, "at" | "end" | "to">): string {
  return text.slice(0, at) + to + text.slice(end);
}

function lookedInto(node: AnyNode): readonly AnyNode[] {
  switch (node.type) {
    case "ImportDeclaration":
    case "ImportExpression":
    case "ExportAllDeclaration":
    case "TemplateElement":
      return [];
    case "ExportNamedDeclaration":
      return node.declaration ? [node.declaration] : [];
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
      return [...(node.computed ? [node.key] : []), ...(node.value ? [node.value] : [])];
    case "CallExpression":
    case "NewExpression":
      return [node.callee, ...node.arguments.filter((argument) => !(isSpoken(node.callee) && isText(argument)))];
    case "SwitchCase":
      return node.consequent.length === 1 && node.consequent.every(isUnreachable) ? [] : childrenOf(node);
    default:
      return childrenOf(node);
  }
}

function mistakesIn(node: AnyNode, parent: AnyNode, text: string): readonly Mistake[] {
  switch (node.type) {
    case "IfStatement":
    case "ConditionalExpression":
      return [forced(node.test, "true"), forced(node.test, "false")];
    case "WhileStatement":
    case "DoWhileStatement":
      return [forced(node.test, "false")];
    case "ForStatement":
      return node.test ? [forced(node.test, "false")] : [];
    case "BinaryExpression":
      return isText(node.left) || isText(node.right) ? comparisons(node, text) : operators(node, text);
    case "LogicalExpression":
    case "AssignmentExpression":
      return operators(node, text);
    case "UpdateExpression": {
      const at = node.prefix ? node.start : node.end - 2;
      return [{ kind: "operator", at, end: at + 2, to: node.operator === "++" ? "--" : "++" }];
    }
    case "UnaryExpression":
      return node.operator === "!" ? [{ kind: "operator", at: node.start, end: node.start + 1, to: " " }] : [];
    case "MemberExpression":
      return node.optional ? [unchained(text, node.object.end, node.computed ? "" : ".")] : [];
    case "CallExpression":
      return node.optional ? [unchained(text, node.callee.end, "")] : [];
    case "Literal": {
      const to = otherThan(node.value);
      return to === undefined ? [] : [{ kind: "literal", at: node.start, end: node.end, to }];
    }
    case "ReturnStatement":
      return node.argument && !isUnreachable(node) ? nothing(node.argument) : [];
    case "ArrowFunctionExpression":
      return node.expression ? nothing(node.body) : [];
    case "BlockStatement":
      return isLeftAlone(node, parent) ? [] : [{ kind: "block", at: node.start, end: node.end, to: "{}" }];
    default:
      return [];
  }
}

function forced({ start, end }: Expression, to: string): Mistake {
  return { kind: "condition", at: start, end, to };
}

interface Operation {
  readonly left: AnyNode;
  readonly right: AnyNode;
  readonly operator: string;
}

/** Only brackets, blanks and comments stand beside an operator. */
function operators({ left, right, operator }: Operation, text: string): readonly Mistake[] {
  const between = text
    .slice(left.end, right.start)
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (said) => " ".repeat(said.length));
  const at = left.end + between.indexOf(operator);
  return (OPERATORS[operator] ?? []).map((to) => ({ kind: "operator", at, end: at + operator.length, to }));
}

/** Texts are not added the other way round. */
function comparisons(operation: Operation, text: string): readonly Mistake[] {
  return operation.operator === "+" ? [] : operators(operation, text);
}

function unchained(text: string, from: number, to: string): Mistake {
  const at = text.indexOf("?.", from);
  return { kind: "optional chaining", at, end: at + 2, to };
}

function otherThan(value: unknown): string | undefined {
  if (typeof value === "boolean") return `${!value}`;
  if (typeof value === "number") return `${value + 1}`;
  if (typeof value === "bigint") return `${value + 1n}n`;
  if (typeof value === "string") return value === "" ? '"planted"' : '""';
  return undefined;
}

/** In the place of a value that is not that already. */
function nothing(node: AnyNode): readonly Mistake[] {
  if (node.type === "Identifier" && node.name === "undefined") return [];
  return [{ kind: "return", at: node.start, end: node.end, to: "undefined" }];
}

/**
 * Empty; or with nothing in it but a return, which is a mistake of its own; or what an `if` or a loop does, which is as good as a
 * condition that never holds.
 */
function isLeftAlone(node: AnyNode & { readonly type: "BlockStatement" }, parent: AnyNode): boolean {
  const [first, ...others] = node.body;
  if (first === undefined || (others.length === 0 && first.type === "ReturnStatement")) return true;
  if (parent.type === "IfStatement") return parent.consequent === node;
  return parent.type === "WhileStatement" || parent.type === "DoWhileStatement" || parent.type === "ForStatement";
}

function isSpoken(callee: AnyNode): boolean {
  return callee.type === "Identifier" && SPOKEN.has(callee.name);
}

function isText(node: AnyNode): boolean {
  return node.type === "TemplateLiteral" || (node.type === "Literal" && typeof node.value === "string");
}
