/**
 * Licence expressions of SPDX, `(MIT OR Apache-2.0) AND ISC`: whether one can be met by licences of a list.
 *
 * `OR` is a choice, so one side is enough; `AND` takes both. A licence with an exception (`X WITH Y`), or with a plus, is one
 * of its own and stands in the list as it is written, or does not.
 */
import { malformed, type ReleaseMalformed } from "#release/malformed.ts";
import { ok, type Result } from "#runtime/errors.ts";

/** Characters of an expression that is read. */
export const LICENCE_LENGTH_MAX = 512;

const TOKEN = /\s*(?:([()])|([A-Za-z0-9.:+-]+))/y;

/** Words in the order of SPDX: `WITH` binds closest, then `AND`, then `OR`. */
const isWord = (token: string | undefined): token is string =>
  token !== undefined && /^[A-Za-z0-9]/.test(token) && !/^(OR|AND|WITH)$/.test(token);

/** Whether `allowed` is enough to keep to `expression`. A failure where it is no expression. */
export function isAllowed(expression: string, allowed: ReadonlySet<string>): Result<boolean, ReleaseMalformed> {
  const tokens = tokensOf(expression);
  if (tokens === undefined) return malformed("licence", `"${expression.slice(0, 80)}" is no licence expression`);
  const reader = new Reader(tokens, allowed);
  const answer = reader.either();
  if (answer === undefined || !reader.isAtEnd()) {
    return malformed("licence", `"${expression}" is no licence expression`);
  }
  return ok(answer);
}

function tokensOf(expression: string): readonly string[] | undefined {
  if (expression.length > LICENCE_LENGTH_MAX) return undefined;
  const text = expression.trimEnd();
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text);
    if (found === null) return undefined;
    tokens.push(found[1] ?? found[2] ?? "");
  }
  return tokens.length === 0 ? undefined : tokens;
}

/** Each part answers whether it can be met, or undefined where the grammar is not kept. Its depth is that of the text. */
class Reader {
  readonly #tokens: readonly string[];
  readonly #allowed: ReadonlySet<string>;
  #next = 0;

  constructor(tokens: readonly string[], allowed: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#allowed = allowed;
  }

  isAtEnd(): boolean {
    return this.#next === this.#tokens.length;
  }

  either(): boolean | undefined {
    let answer = this.#both();
    while (answer !== undefined && this.#take("OR")) {
      const other = this.#both();
      answer = other === undefined ? undefined : answer || other;
    }
    return answer;
  }

  #both(): boolean | undefined {
    let answer = this.#one();
    while (answer !== undefined && this.#take("AND")) {
      const other = this.#one();
      answer = other === undefined ? undefined : answer && other;
    }
    return answer;
  }

  #one(): boolean | undefined {
    if (this.#take("(")) {
      const inner = this.either();
      return this.#take(")") ? inner : undefined;
    }
    const licence = this.#word();
    if (licence === undefined) return undefined;
    if (!this.#take("WITH")) return this.#allowed.has(licence);
    const exception = this.#word();
    return exception === undefined ? undefined : this.#allowed.has(`${licence} WITH ${exception}`);
  }

  #word(): string | undefined {
    const token = this.#tokens[this.#next];
    if (!isWord(token)) return undefined;
    this.#next += 1;
    return token;
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next += 1;
    return true;
  }
}
