/**
 * What S3 says in XML, as far as it is needed: pages of a list, words of an error.
 *
 * No parser of XML: elements are found by their names, text is taken without markup inside. What does not look as S3
 * writes it is refused. However it looks, it is read in time that grows with its length.
 */
import type { ObjectFacts, ObjectPage } from "#runtime/bucket/bucket.ts";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** A key that S3 takes is at most this long. */
const KEY_LENGTH_MAX = 1024;

/** A page of ListObjectsV2; undefined if it is none, or if a key does not begin with `prefix`, which is taken off. */
export function parseObjectPage(text: string, prefix: string): ObjectPage | undefined {
  if (!/<ListBucketResult[\s>]/.test(text) || !/<\/ListBucketResult>\s*$/.test(text)) return undefined;
  const objects: ObjectFacts[] = [];
  for (const inside of insidesOf(text, "Contents")) {
    const key = textOf(inside, "Key");
    const size = textOf(inside, "Size");
    if (key === undefined || key.length > KEY_LENGTH_MAX + prefix.length || !key.startsWith(prefix)) return undefined;
    if (size === undefined || !/^\d{1,15}$/.test(size)) return undefined;
    objects.push({ key: key.slice(prefix.length), sizeBytes: Number(size) });
  }
  const isCut = textOf(text, "IsTruncated");
  if (isCut === "false") return { objects, next: undefined };
  const next = textOf(text, "NextContinuationToken");
  return isCut === "true" && next !== undefined && next !== "" ? { objects, next } : undefined;
}

/** The `Code` of an error; the removal of many objects has them in an answer that says 200. */
export function parseErrorCode(text: string): string | undefined {
  const [inside] = insidesOf(text, "Error");
  return inside === undefined ? undefined : textOf(inside, "Code")?.slice(0, 64);
}

/** For the removal of many objects. Keys of this seam have no character that XML minds. */
export function removalBody(keys: readonly string[]): Uint8Array {
  const objects = keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("");
  return Buffer.from(`<Delete><Quiet>true</Quiet>${objects}</Delete>`);
}

/**
 * What is inside of each element of that name, one after another. A pattern would look through all of the rest for an end that
 * is missing, from every beginning anew.
 */
function* insidesOf(text: string, name: string): Generator<string> {
  const [begin, end] = [`<${name}>`, `</${name}>`];
  for (let at = text.indexOf(begin); at >= 0; ) {
    const from = at + begin.length;
    const to = text.indexOf(end, from);
    if (to < 0) return;
    yield text.slice(from, to);
    at = text.indexOf(begin, to + end.length);
  }
}

function textOf(text: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return found?.replace(/&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g, (whole, named, dec, hex) => {
    if (typeof named === "string") return ENTITIES[named] ?? whole;
    const code = typeof dec === "string" ? Number(dec) : Number.parseInt(String(hex), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
