/**
 * An OpenSSH certificate for an Ed25519 key, read at its plainest: PROTOCOL.certkeys field by field, over hex digits. What the
 * node's reader is held against.
 */
import { CERTIFICATE_BYTES_MAX, CERTIFICATE_OPTIONS_MAX, PRINCIPALS_MAX } from "#actors/domain/ssh/certificate.ts";
import { keyFromPoint } from "#actors/domain/ssh/key.ts";

export interface CertificateFacts {
  readonly point: string;
  readonly serial: bigint;
  readonly type: number;
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly string[];
}

const hexOf = (text: string): string => Buffer.from(text).toString("hex");

/** Undefined for what is none, for whatever reason. */
export function certificateModel(bytes: Uint8Array): CertificateFacts | undefined {
  if (bytes.length > CERTIFICATE_BYTES_MAX) return undefined;
  let rest = Buffer.from(bytes).toString("hex");
  let isShort = false;
  const take = (count: number): string => {
    if (rest.length < 2 * count) isShort = true;
    const taken = rest.slice(0, 2 * count);
    rest = rest.slice(2 * count);
    return taken;
  };
  const number = (count: number): bigint => BigInt(`0x0${take(count)}`);
  const string = (): string => take(Number(number(4)));

  const type = string();
  string();
  const point = string();
  const serial = number(8);
  const kind = Number(number(4));
  const keyId = textIn(string());
  const principals = stringsIn(string(), PRINCIPALS_MAX)?.map(textIn);
  const [validAfter, validBefore] = [number(8), number(8)];
  const criticalOptions = namesIn(string());
  const extensions = namesIn(string());
  string();
  string();
  const signature = string();
  if (isShort || rest !== "" || type !== hexOf("ssh-ed25519-cert-v01@openssh.com")) return undefined;
  // Which points are keys is known to what is read here too: it is the same list.
  if (typeof keyFromPoint(Buffer.from(point, "hex")) === "string") return undefined;
  if (keyId === undefined || criticalOptions === undefined || extensions === undefined) return undefined;
  if (principals === undefined || !areTexts(principals)) return undefined;
  const front = `0000000b${hexOf("ssh-ed25519")}00000040`;
  if (!signature.startsWith(front) || signature.length !== front.length + 128) return undefined;
  return { point, serial, type: kind, keyId, principals, validAfter, validBefore, criticalOptions };
}

function stringsIn(hex: string, countMax: number): readonly string[] | undefined {
  const strings: string[] = [];
  for (let rest = hex; rest !== ""; ) {
    const length = Number.parseInt(rest.slice(0, 8), 16);
    const end = 8 + 2 * length;
    if (rest.length < 8 || end > rest.length) return undefined;
    strings.push(rest.slice(8, end));
    rest = rest.slice(end);
  }
  return strings.length > countMax ? undefined : strings;
}

/** Of pairs, whose names go up. */
function namesIn(hex: string): readonly string[] | undefined {
  const strings = stringsIn(hex, 2 * CERTIFICATE_OPTIONS_MAX);
  if (strings === undefined || strings.length % 2 === 1) return undefined;
  const names = strings.filter((_, at) => at % 2 === 0);
  // Digits of whole bytes compare as the bytes do.
  if (names.some((name, at) => at > 0 && !((names[at - 1] ?? "") < name))) return undefined;
  const texts = names.map(textIn);
  return areTexts(texts) ? texts : undefined;
}

function areTexts(texts: readonly (string | undefined)[]): texts is readonly string[] {
  return texts.every((text) => text !== undefined);
}

/** Undefined for what is no UTF-8, or has characters that are obeyed and not shown. */
function textIn(hex: string): string | undefined {
  const text = Buffer.from(hex, "hex").toString();
  if (hexOf(text) !== hex) return undefined;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029;
    const isBidi =
      code === 0x61c ||
      code === 0x200e ||
      code === 0x200f ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);
    if (isControl || isBidi) return undefined;
  }
  return text;
}
