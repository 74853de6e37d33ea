/**
 * A node of a manifest as it comes from a node of the store: `specs/formats/manifest.md`. Who reads one has compared
 * its digest before; what is looked at here is that it is one at all.
 */
import { DagLink, readDag } from "#client/dag.ts";

/** Bytes of one manifest node. */
export const NODE_BYTES_MAX = 262144;

/** `length` bytes are in the chunk, or in all chunks below the node. */
export interface ManifestLink {
  readonly length: number;
  readonly digest: string;
}

/** The root, or a node below it. */
export interface ManifestNode {
  readonly size: number;
  /** What every link of this node names. Of a node without links: `chunk`. */
  readonly kind: "chunk" | "node";
  readonly links: readonly ManifestLink[];
  /** The format of ciphertext; undefined for an object, and for a node below the root. */
  readonly format: string | undefined;
}

/** Undefined when `bytes` are not one: not of version 2, links of two kinds, lengths that do not add up. */
export function readNode(bytes: Uint8Array): ManifestNode | undefined {
  const fields = readDag(bytes);
  if (!(fields instanceof Map) || fields.get("v") !== 2) return undefined;
  const pairs: unknown = fields.get("links");
  const size: unknown = fields.get("size");
  if (!Array.isArray(pairs) || typeof size !== "number") return undefined;

  const links: ManifestLink[] = [];
  let kind: DagLink["kind"] | undefined;
  let sum = 0;
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const [length, link]: unknown[] = pair;
    if (!isLength(length) || !(link instanceof DagLink)) return undefined;
    kind ??= link.kind;
    if (link.kind !== kind) return undefined;
    links.push({ length, digest: link.digest });
    sum += length;
  }
  return sum === size ? { size, kind: kind ?? "chunk", links, format: formatOf(fields) } : undefined;
}

/** Bytes that have a digest of their own are no ciphertext, whatever else is said of them. */
function formatOf(fields: ReadonlyMap<unknown, unknown>): string | undefined {
  const enc = fields.get("enc");
  const format: unknown = enc instanceof Map && !fields.has("object") ? enc.get("format") : undefined;
  return typeof format === "string" ? format : undefined;
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
