/**
 * Names that can be led elsewhere: `<public key>/<label>`. Who has the private half of the key says where each of its
 * labels leads; nobody else can, so nobody has to be asked for a name.
 *
 * Specified in `specs/formats/names.md`.
 */
import { type Address, addressOf, type Digest, parseAddress } from "#actors/domain/address.ts";

declare const labelBrand: unique symbol;
declare const publicKeyBrand: unique symbol;
declare const nameValueBrand: unique symbol;

/** The part of a name that its owner chose. */
export type Label = string & { readonly [labelBrand]: true };
/** An Ed25519 public key in 64 lower-case hex digits. */
export type PublicKey = string & { readonly [publicKeyBrand]: true };
/** Where a name leads: `b3:<64 hex>` for an object, `cepa:<64 hex>` for a private one by its root, without its key. */
export type NameValue = string & { readonly [nameValueBrand]: true };

/** A whole name. */
export interface Name {
  readonly publicKey: PublicKey;
  readonly label: Label;
}

/** Characters of a label. */
export const LABEL_LENGTH_MAX = 64;

const LABEL = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;
const PUBLIC_KEY = /^[0-9a-f]{64}$/;
const PRIVATE_PREFIX = "cepa:";

/** Letters, digits and, between them, `.`, `_` and `-`: it fits a path, a shell and a file name as it is. */
export function parseLabel(text: string): Label | undefined {
  return text.length <= LABEL_LENGTH_MAX && LABEL.test(text) ? (text as Label) : undefined;
}

export function parsePublicKey(text: string): PublicKey | undefined {
  return PUBLIC_KEY.test(text) ? (text as PublicKey) : undefined;
}

export function parseNameValue(text: string): NameValue | undefined {
  const isPrivate = text.startsWith(PRIVATE_PREFIX) && PUBLIC_KEY.test(text.slice(PRIVATE_PREFIX.length));
  return isPrivate || parseAddress(text) !== undefined ? (text as NameValue) : undefined;
}

/** What the value stands for: neither kind may be taken for the other. */
export type NameTarget =
  | { readonly kind: "object"; readonly address: Address }
  | { readonly kind: "root"; readonly root: Digest };

export function targetOf(value: NameValue): NameTarget {
  const digest = value.slice(value.indexOf(":") + 1) as Digest;
  return value.startsWith(PRIVATE_PREFIX)
    ? { kind: "root", root: digest }
    : { kind: "object", address: addressOf(digest) };
}

/** `<public key>/<label>`. */
export function fullName({ publicKey, label }: Name): string {
  return `${publicKey}/${label}`;
}
