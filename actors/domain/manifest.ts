/**
 * The manifest of an object, version 2: which chunks make it, in order (architecture §6).
 *
 * It is canonical DAG-CBOR, `{v: 2, size, chunker, object?, links: [[len, cid], …], mediaType?, enc?, meta?}`, and its
 * name, the *root*, is the BLAKE3 of its bytes. An object of more than `LINKS_MAX` chunks has inner nodes
 * `{v: 2, size, links}` below the root; all links of a node are of one kind, chunks or nodes.
 *
 * Invariants of everything that `decode…` accepts:
 * - encoding it again gives the same bytes, unknown fields included;
 * - the lengths of the links add up to `size`, and none is zero;
 * - a node has at most `LINKS_MAX` links and `MANIFEST_BYTES_MAX` bytes.
 *
 * Unknown fields are ignored when a manifest is read and cannot be written.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { decodeDag, encodeDag, type LinkKind, linkFrom } from "#actors/domain/dag.ts";
import { writeNode } from "#actors/domain/manifest-writer.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Links in one node. */
export const LINKS_MAX = 1024;
/** Nodes on the way from root to chunk, both root and last inner node counted. */
export const DEPTH_MAX = 4;
/** Bytes of one node: far above 1 024 links and their lengths, far below a frame. */
export const MANIFEST_BYTES_MAX: number = 256 * KiB;
/** Characters of `mediaType` and of `chunker`. */
export const TEXT_LENGTH_MAX = 255;

/** `length` bytes of the object come from the chunk, or from all chunks below the node. */
export interface ManifestLink {
  readonly length: number;
  readonly digest: Digest;
}

export interface ManifestNode {
  readonly size: number;
  /** What every link of this node names. Of a node without links: `chunk`. */
  readonly linkKind: LinkKind;
  readonly links: readonly ManifestLink[];
}

export interface Manifest extends ManifestNode {
  readonly chunker: string;
  /** BLAKE3-256 of the unencrypted object. Absent only with `enc`. */
  readonly object: Digest | undefined;
  readonly mediaType?: string | undefined;
  /** Public parameters of the client's encryption; opaque here. */
  readonly enc?: Readonly<Record<string, unknown>> | undefined;
  /** The client's own words about the object; opaque here. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
}

/** Not a manifest. Final: bytes with this digest will never be one. */
export interface ManifestMalformed extends Failure<"manifest.malformed"> {
  readonly reason: MalformedReason;
}

export type MalformedReason =
  | "too-large"
  | "not-canonical"
  | "not-a-map"
  | "unknown-version"
  | "bad-size"
  | "bad-chunker"
  | "bad-object"
  | "bad-links"
  | "too-many-links"
  | "sizes-do-not-add-up"
  | "bad-media-type"
  | "bad-enc"
  | "bad-meta";

type Decoded<Value> = Result<Value, ManifestMalformed>;

/** The bytes of a root. What does not decode again is a defect: it must not be stored. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { enc, meta } = manifest;
  const bytes = writeNode({ ...manifest, enc: enc && encodeDag(enc), meta: meta && encodeDag(meta) });
  assert(brokenRule(manifest, bytes.length) === undefined, "a manifest that is written can be read");
  return bytes;
}

/** The bytes of an inner node. */
export function encodeNode({ size, links, linkKind }: ManifestNode): Uint8Array {
  return writeNode({ size, links, linkKind });
}

export function decodeManifest(bytes: Uint8Array): Decoded<Manifest> {
  const fields = decodeFields(bytes);
  if (!fields.ok) return fields;
  const node = decodeLinks(fields.value);
  if (!node.ok) return node;

  const { chunker, object, mediaType, enc, meta } = fields.value;
  if (!isShortText(chunker) || chunker === "") return malformed("bad-chunker");
  if (enc !== undefined && !isMap(enc)) return malformed("bad-enc");
  if (meta !== undefined && !isMap(meta)) return malformed("bad-meta");
  if (mediaType !== undefined && !isShortText(mediaType)) return malformed("bad-media-type");
  if (object === undefined ? enc === undefined : !isDigest(object)) return malformed("bad-object");
  return ok({
    ...node.value,
    chunker,
    object: isDigest(object) ? digestFromBytes(object) : undefined,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(enc === undefined ? {} : { enc }),
    ...(meta === undefined ? {} : { meta }),
  });
}

export function decodeNode(bytes: Uint8Array): Decoded<ManifestNode> {
  const fields = decodeFields(bytes);
  return fields.ok ? decodeLinks(fields.value) : fields;
}

/** The rules that depend on a writer's own values; undefined if all hold. */
function brokenRule(manifest: Manifest, sizeBytes: number): MalformedReason | undefined {
  if (sizeBytes > MANIFEST_BYTES_MAX) return "too-large";
  const { size, links, chunker, object, enc } = manifest;
  if (!isSize(size)) return "bad-size";
  if (links.length > LINKS_MAX) return "too-many-links";
  if (links.some(({ length }) => !isSize(length) || length === 0)) return "bad-links";
  if (links.reduce((sum, { length }) => sum + length, 0) !== size) return "sizes-do-not-add-up";
  if (chunker === "" || chunker.length > TEXT_LENGTH_MAX) return "bad-chunker";
  return object === undefined && enc === undefined ? "bad-object" : undefined;
}

function decodeFields(bytes: Uint8Array): Decoded<Readonly<Record<string, unknown>>> {
  if (bytes.length > MANIFEST_BYTES_MAX) return malformed("too-large");
  const decoded = decodeDag(bytes);
  if (decoded === undefined) return malformed("not-canonical");
  if (!isMap(decoded.value)) return malformed("not-a-map");
  return decoded.value["v"] === 2 ? ok(decoded.value) : malformed("unknown-version");
}

function decodeLinks({ size, links }: Readonly<Record<string, unknown>>): Decoded<ManifestNode> {
  if (!isSize(size)) return malformed("bad-size");
  if (!Array.isArray(links)) return malformed("bad-links");
  if (links.length > LINKS_MAX) return malformed("too-many-links");

  const decoded: ManifestLink[] = [];
  let linkKind: LinkKind | undefined;
  let sum = 0;
  for (const pair of links) {
    if (!Array.isArray(pair) || pair.length !== 2) return malformed("bad-links");
    const length: unknown = pair[0];
    const link = linkFrom(pair[1]);
    if (!isSize(length) || length === 0 || link === undefined) return malformed("bad-links");
    linkKind ??= link.kind;
    if (link.kind !== linkKind) return malformed("bad-links");
    decoded.push({ length, digest: link.digest });
    sum += length;
  }
  return sum === size ? ok({ size, linkKind: linkKind ?? "chunk", links: decoded }) : malformed("sizes-do-not-add-up");
}

function malformed(reason: MalformedReason): Result<never, ManifestMalformed> {
  return fail({ code: "manifest.malformed", reason });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  return (
    !Array.isArray(value) && !(value instanceof Uint8Array) && linkFrom(value) === undefined && !("asCID" in value)
  );
}

/** `-0` cannot be written as a canonical integer, and no size is beyond 2^53 - 1. */
function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isDigest(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32;
}

function isShortText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_LENGTH_MAX;
}
