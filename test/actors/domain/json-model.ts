/**
 * What a JSON document says and what is wrong with it, found in another way than the node does: `JSON.parse` judges the
 * grammar, a regular expression cuts the tokens, and everything else is looked up in lists of them. Slow, and only for short
 * texts.
 */
import { runInThisContext } from "node:vm";
import type { ReaderProblem } from "#actors/domain/json-reader.ts";
import type { JsonValue } from "#actors/domain/json-value.ts";

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|\s+|[^\s{}[\]:,"]+/gs;
const DEPTH_MAX = 64;

/** The tokens of a JSON text; white space is tokens too. */
export function tokensOf(text: string): readonly string[] {
  return text.match(TOKENS) ?? [];
}

/**
 * What `text`, which is JSON, says: as a program that makes it. `JSON.parse` of V8 14.6 takes some keys for others
 * (https://github.com/nodejs/node/issues/63785).
 */
export function saidBy(text: string): JsonValue {
  const tokens = tokensOf(text).filter((token) => token.trim() !== "");
  // In brackets `__proto__` is a key like any other.
  const program = tokens.map((token, at) => (tokens[at + 1] === ":" ? `[${token}]` : token)).join("");
  return runInThisContext(`(${program})`) as JsonValue;
}

/** All that is wrong with `text`; of what is no JSON only that. */
export function problemsOf(text: string, form: "canonical" | "any"): ReadonlySet<string> {
  try {
    JSON.parse(text);
  } catch {
    return new Set(["not-json"]);
  }
  const found = new Set<ReaderProblem>();
  const tokens = tokensOf(text);
  const solid = tokens.filter((token) => token.trim() !== "");
  const { objects, depth } = structureOf(solid);
  if (objects.some((keys) => new Set(keys).size < keys.length)) found.add("duplicate-key");
  if (form === "canonical" && solid.length < tokens.length) found.add("not-compact");
  if (form === "canonical" && !objects.every(isByUnits) && !objects.every(isByCodePoints)) found.add("keys-unsorted");
  if (depth > DEPTH_MAX) found.add("too-deep");
  for (const token of solid) {
    const problem = /^[-\d]/.test(token) ? numberProblem(token) : stringProblem(token);
    if (problem !== undefined) found.add(problem);
  }
  return found;
}

/** The keys of every object, and how many brackets are open at most. */
function structureOf(tokens: readonly string[]): { readonly objects: readonly string[][]; readonly depth: number } {
  const objects: string[][] = [];
  const open: string[][] = [];
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (token === "{" || token === "[") open.push([]);
    if (token === "{") objects.push(open.at(-1) ?? []);
    depth = Math.max(depth, open.length);
    if (token === "}" || token === "]") open.pop();
    if (tokens[at + 1] === ":") open.at(-1)?.push(JSON.parse(token) as string);
  }
  return { objects, depth };
}

function isByUnits(keys: readonly string[]): boolean {
  return keys.join("\n") === keys.toSorted().join("\n");
}

function isByCodePoints(keys: readonly string[]): boolean {
  const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return keys.join("\n") === sorted.join("\n");
}

function numberProblem(token: string): ReaderProblem | undefined {
  if (!/^-?\d+$/.test(token)) return Number.isFinite(JSON.parse(token)) ? undefined : "number-out-of-range";
  const magnitude = BigInt(token.replace("-", ""));
  return magnitude < 2n ** 53n ? undefined : "unsafe-integer";
}

function stringProblem(token: string): ReaderProblem | undefined {
  return token.startsWith('"') && !(JSON.parse(token) as string).isWellFormed() ? "lone-surrogate" : undefined;
}
