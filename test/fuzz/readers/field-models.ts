/** Fields of HTTP read without patterns: what the gateway's readers are held against. */
import { UPLOAD_NOTE_LENGTH_MAX } from "#actors/domain/upload.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const ALPHA = LOWER + LOWER.toUpperCase();
const BASE64 = `${ALPHA}${DIGITS}+/`;
const TOKEN = `${ALPHA}${DIGITS}!#$%&'*+.^_\`|~:/-`;

/** What tus says of metadata: keys of their own, without space and comma, with or without a value in Base64. */
export function metadataModel(text: string): boolean {
  if (text === "") return true;
  if (text.length > UPLOAD_NOTE_LENGTH_MAX) return false;
  const keys = new Set<string>();
  for (const pair of text.split(",")) {
    let bare = pair;
    while (bare.startsWith(" ")) bare = bare.slice(1);
    // Blanks at the end belong to nobody, but one may be what stands before an empty value.
    while (bare.endsWith(" ")) bare = bare.slice(0, -1);
    const [key = "", value = "", ...more] = bare.split(" ");
    const isPrintable = [...key].every((char) => char > " " && char <= "~");
    if (key === "" || !isPrintable || more.length > 0 || !isBase64(value) || keys.has(key)) return false;
    keys.add(key);
  }
  return true;
}

function isBase64(text: string): boolean {
  const bare = text.endsWith("==") ? text.slice(0, -2) : text.endsWith("=") ? text.slice(0, -1) : text;
  return [...bare].every((char) => BASE64.includes(char));
}

/** A dictionary of RFC 9651 whose members are all of `type`, one character after another. */
export function dictionaryModel(field: string, type: "bytes" | "integer"): ReadonlyMap<string, string> | undefined {
  return new Dictionary(field.trim()).read(type);
}

class Dictionary {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(type: "bytes" | "integer"): ReadonlyMap<string, string> | undefined {
    const members = new Map<string, string>();
    while (this.#at < this.#text.length) {
      const key = this.#key();
      if (key === undefined || !this.#skip("=")) return undefined;
      const from = this.#at;
      const found = this.#item();
      if (found !== type) return undefined;
      members.set(key, this.#text.slice(from, this.#at));
      if (!this.#parameters()) return undefined;
      if (this.#at === this.#text.length) break;
      this.#space();
      if (!this.#skip(",")) return undefined;
      this.#space();
      if (this.#at === this.#text.length) return undefined;
    }
    return members;
  }

  #parameters(): boolean {
    while (this.#skip(";")) {
      while (this.#skip(" "));
      if (this.#key() === undefined) return false;
      if (this.#skip("=") && this.#item() === undefined) return false;
    }
    return true;
  }

  #key(): string | undefined {
    if (!`${LOWER}*`.includes(this.#peek() || " ")) return undefined;
    return this.#while(`${LOWER}${DIGITS}_.*-`);
  }

  /** What a bare item is; undefined for what is none. */
  #item(): "bytes" | "integer" | "other" | undefined {
    const first = this.#peek();
    if (first === ":") return this.#bytes();
    if (first === '"') return this.#string();
    if (first === "?") {
      this.#at += 1;
      return this.#skip("0") || this.#skip("1") ? "other" : undefined;
    }
    if (first !== "" && `${ALPHA}*`.includes(first)) {
      this.#while(TOKEN);
      return "other";
    }
    return this.#number();
  }

  #bytes(): "bytes" | undefined {
    this.#at += 1;
    this.#while(BASE64);
    this.#skip("=");
    this.#skip("=");
    return this.#skip(":") ? "bytes" : undefined;
  }

  #string(): "other" | undefined {
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      const char = this.#peek();
      if (char === '"') {
        this.#at += 1;
        return "other";
      }
      if (char < " " || char > "~") return undefined;
      if (char !== "\\") continue;
      this.#at += 1;
      if (this.#peek() !== '"' && this.#peek() !== "\\") return undefined;
    }
    return undefined;
  }

  #number(): "integer" | "other" | undefined {
    this.#skip("-");
    const whole = this.#while(DIGITS).length;
    if (whole === 0 || whole > 15) return undefined;
    if (!this.#skip(".")) return "integer";
    const fraction = this.#while(DIGITS).length;
    return whole <= 12 && fraction >= 1 && fraction <= 3 ? "other" : undefined;
  }

  #space(): void {
    this.#while(" \t");
  }

  #while(chars: string): string {
    const from = this.#at;
    while (this.#at < this.#text.length && chars.includes(this.#peek())) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  #skip(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }
}
