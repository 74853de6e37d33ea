/**
 * A node as the client sees it when it reads ciphertext: manifests by the store's own code, bytes that can be replaced.
 */
import { digestFromBytes } from "#actors/domain/address.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { digestOf as hash } from "#cli/digest.ts";
import type { Subtle } from "#client/chunk-cipher.ts";
import type { Ciphertext } from "#client/private-object.ts";
import { type Primitives, Sealing } from "#client/sealing.ts";
import { digestOf } from "#runtime/pool/blake3.ts";

const CHUNK = 1_048_576;

export const primitives: Primitives = { subtle: crypto.subtle, blake3: hash };

/** WebCrypto that makes this key instead of a fresh one. */
export function subtleMaking(key: Uint8Array<ArrayBuffer>): Subtle {
  const { subtle } = crypto;
  const generateKey = (): Promise<CryptoKey> => subtle.importKey("raw", key, "AES-GCM", true, ["encrypt"]);
  return {
    generateKey: generateKey as unknown as Subtle["generateKey"],
    exportKey: subtle.exportKey.bind(subtle) as Subtle["exportKey"],
    importKey: subtle.importKey.bind(subtle) as Subtle["importKey"],
    encrypt: subtle.encrypt.bind(subtle),
    decrypt: subtle.decrypt.bind(subtle),
  };
}

export class FakeStore implements Ciphertext {
  readonly nodes: Map<string, Uint8Array> = new Map();
  readonly bytes: Map<string, Uint8Array> = new Map();
  /** Of data, as `first-last`. */
  readonly asked: string[] = [];

  /** Stores ciphertext as a node does, and answers with its root. */
  put(ciphertext: Uint8Array): string {
    const links = [];
    for (let at = 0; at < ciphertext.length; at += CHUNK) {
      const chunk = ciphertext.subarray(at, at + CHUNK);
      links.push({ length: chunk.length, digest: digestFromBytes(digestOf(chunk)) });
    }
    const facts = {
      size: ciphertext.length,
      chunker: "fixed/1",
      object: undefined,
      enc: { format: "cepa-private/1" },
    };
    const { root, inner } = buildManifestTree(facts, links, (bytes) => digestFromBytes(digestOf(bytes)));
    for (const { digest, bytes } of [root, ...inner]) this.nodes.set(digest, bytes);
    this.bytes.set(root.digest, ciphertext);
    return root.digest;
  }

  async *node(digest: string): AsyncGenerator<Uint8Array> {
    const bytes = this.nodes.get(digest) ?? new Uint8Array();
    yield bytes.subarray(0, 7);
    yield bytes.subarray(7);
  }

  async *data(root: string, first: number, last: number): AsyncGenerator<Uint8Array> {
    this.asked.push(`${first}-${last}`);
    const bytes = this.bytes.get(root) ?? new Uint8Array();
    for (let at = first; at <= last; at += 100_000) yield bytes.subarray(at, Math.min(at + 100_000, last + 1));
  }
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** All pieces as one. */
export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const gathered: Uint8Array[] = [];
  for await (const piece of pieces) gathered.push(piece.slice());
  return Buffer.concat(gathered);
}

/** Seals `content` into `store` and answers with the link. */
export async function sealInto(store: FakeStore, content: Uint8Array): Promise<string> {
  const sealing = await Sealing.begin(once(content), {}, primitives);
  const root = store.put(await gather(sealing.chunks));
  return await sealing.link(root, (digest) => store.node(digest));
}
