/**
 * JSON read the slow way, one character after another (RFC 8259): numbers stay as they were written, and the last of members
 * of one name is the one. It shares nothing with `JSON.parse`, which reads some names wrongly (nodejs/node#63785).
 */
import assert from "node:assert/strict";

/** `{ number: "1.50" }` for a number, so that no digit is lost. Objects are maps: no name of a member is special. */
export type SlowValue =
  | string
  | boolean
  | null
  | { readonly number: string }
  | readonly SlowValue[]
  | ReadonlyMap<string, SlowValue>;

/** Throws where `text` is no JSON. */
export function readJson(text: string): SlowValue {
  const reader = new Reader(text);
  const value = reader.value();
  assert.equal(reader.rest, "");
  return value;
}

class Reader {
  rest: string;

  constructor(text: string) {
    this.rest = text;
    this.take(/^[ \t\r\n]*/);
  }

  /** What `pattern` finds at the front, with the space behind it. */
  take(pattern: RegExp): string {
    const [found] = pattern.exec(this.rest) ?? [];
    assert(found !== undefined);
    this.rest = this.rest.slice(found.length).replace(/^[ \t\r\n]+/, "");
    return found;
  }

  value(): SlowValue {
    const first = this.rest.charAt(0);
    if (first === "{") return this.object();
    if (first === "[") return this.list();
    if (first === '"') return this.string();
    if (/[-\d]/.test(first)) return { number: this.take(/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?(?![\d.eE+-])/) };
    const literal = this.take(/^(true|false|null)\b/);
    return literal === "null" ? null : literal === "true";
  }

  object(): SlowValue {
    const members = new Map<string, SlowValue>();
    this.take(/^\{/);
    while (!this.rest.startsWith("}")) {
      if (members.size > 0) this.take(/^,/);
      const name = this.string();
      this.take(/^:/);
      members.set(name, this.value());
    }
    this.take(/^\}/);
    return members;
  }

  list(): SlowValue {
    const items: SlowValue[] = [];
    this.take(/^\[/);
    while (!this.rest.startsWith("]")) {
      if (items.length > 0) this.take(/^,/);
      items.push(this.value());
    }
    this.take(/^\]/);
    return items;
  }

  string(): string {
    const literal = this.take(/^"([^"\\]|\\.)*"/s).slice(1, -1);
    for (const character of literal) assert(character >= " ");
    return literal.replace(/\\(u[\da-fA-F]{4}|.)/gs, (_, said: string) => {
      if (said.length === 5) return String.fromCharCode(Number.parseInt(said.slice(1), 16));
      const plain = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[said];
      assert(plain !== undefined);
      return plain;
    });
  }
}
