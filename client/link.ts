/**
 * The link of a private object, `cepa:<root>#<key>`: where its ciphertext is, and what opens it.
 *
 * As in a URL, what is behind `#` stays with whoever holds the link. Whoever has all of it can read the object; a node
 * is told the root alone. A key has one spelling, like an address: the bits that 43 characters have left over are zero.
 */

/** What a link says. */
export interface PrivateLink {
  /** Of the manifest: 64 hex digits. */
  readonly root: string;
  /** 32 bytes. Not for logs, errors or requests. */
  readonly key: Uint8Array<ArrayBuffer>;
}

/** For help and for errors, which never repeat what was given: it may be a key with one character missing. */
export const LINK_FORM = "cepa:, 64 hex digits in lower case, # and a key of 43 characters";

const LINK = /^cepa:([0-9a-f]{64})#([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/;

/** Undefined unless `text` is a link from its first character to its last. */
export function parseLink(text: string): PrivateLink | undefined {
  const [, root, key] = LINK.exec(text) ?? [];
  if (root === undefined || key === undefined) return undefined;
  const binary = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  return { root, key: Uint8Array.from(binary, (character) => character.charCodeAt(0)) };
}

/** What `parseLink` reads. */
export function formatLink({ root, key }: PrivateLink): string {
  const text = btoa(String.fromCharCode(...key));
  return `cepa:${root}#${text.replaceAll("+", "-").replaceAll("/", "_").replace("=", "")}`;
}

/** `text` without what is a key, or was meant to be one. For what prints what it was given. */
export function withoutKeys(text: string): string {
  return text.replaceAll(/(?<=cepa:[^\s#]*#)[^\s'"]+|(?<=#)[\w-]{32,}/gi, "…");
}
