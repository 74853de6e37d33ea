/** Evaluates the constant expressions in which limits are written: `64 * KiB`, `2 ** 22`, `1 * minute`. */
import * as units from "#runtime/units.ts";

const UNITS: Readonly<Record<string, number>> = { ...units };

/** Undefined when `expression` is no arithmetic over numbers, units and `known` names. */
export function evaluate(
  expression: string,
  known: (name: string) => number | undefined = () => undefined,
): number | undefined {
  const tokens = expression.match(/\*\*|[-+*/()]|[\d_.]+(?:e\d+)?|[A-Za-z]\w*|\S/g) ?? [];
  let next = 0;

  const primary = (): number => {
    const token = tokens[next] ?? "";
    next += 1;
    if (token === "(") {
      const inner = sum();
      next += 1;
      return inner;
    }
    if (token === "-") return -primary();
    if (/^\d/.test(token)) return Number(token.replaceAll("_", ""));
    return UNITS[token] ?? known(token) ?? Number.NaN;
  };
  const power = (): number => {
    const base = primary();
    if (tokens[next] !== "**") return base;
    next += 1;
    return base ** power();
  };
  const product = (): number => {
    let value = power();
    while (tokens[next] === "*" || tokens[next] === "/") {
      const operator = tokens[next];
      next += 1;
      value = operator === "*" ? value * power() : value / power();
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (tokens[next] === "+" || tokens[next] === "-") {
      const operator = tokens[next];
      next += 1;
      value = operator === "+" ? value + product() : value - product();
    }
    return value;
  };

  const value = sum();
  return next === tokens.length && Number.isFinite(value) ? value : undefined;
}
