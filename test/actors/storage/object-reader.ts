/** Reads an object the way overlay does: manifest nodes first, then all its chunks. */
import assert from "node:assert/strict";
import type { Digest } from "#actors/domain/address.ts";
import { decodeManifest, decodeNode, type ManifestLink, type ManifestNode } from "#actors/domain/manifest.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Ref } from "#runtime/ref.ts";
import { readAll, within } from "#test/actors/storage/storage-kit.ts";

export async function readObject(
  ref: Ref<StorageProtocol>,
  root: Digest,
  pieceBytes?: number,
): Promise<Uint8Array | Failure> {
  const links = await readLinks(ref, root, true);
  if (!Array.isArray(links)) return links;
  const parts: Uint8Array[] = [];
  for (let from = 0; from < links.length; from += 1024) {
    const slices = links
      .slice(from, from + 1024)
      .map(({ digest, length }) => ({ chunk: digest, offset: 0, lengthBytes: length }));
    const chunks = await ref.call("readChunks", { slices }, within);
    if (!chunks.ok) return chunks.failure;
    const bytes = await readAll(chunks.value.source, pieceBytes);
    if (bytes === undefined) return chunks.value.source.failure ?? { code: "test.no-failure" };
    parts.push(bytes);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** As `readObject`, where anything but the bytes fails the test. */
export async function mustRead(ref: Ref<StorageProtocol>, root: Digest, what: string): Promise<Uint8Array> {
  const got = await readObject(ref, root);
  if (!(got instanceof Uint8Array)) assert.fail(`${what} is readable: ${JSON.stringify(got)}`);
  return got;
}

async function readLinks(ref: Ref<StorageProtocol>, root: Digest, isRoot: boolean): Promise<ManifestLink[] | Failure> {
  const bytes = await ref.call("getManifest", { root }, within);
  if (!bytes.ok) return bytes.failure;
  const decoded = isRoot ? decodeManifest(bytes.value) : decodeNode(bytes.value);
  if (!decoded.ok) return decoded.failure;
  const node: ManifestNode = decoded.value;
  if (node.linkKind === "chunk") return [...node.links];
  const all: ManifestLink[] = [];
  for (const { digest } of node.links) {
    const below = await readLinks(ref, digest, false);
    if (!Array.isArray(below)) return below;
    all.push(...below);
  }
  return all;
}
