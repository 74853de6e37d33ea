/** CARs to be read: of objects cut in any way, with manifests of any shape, written by a public CAR writer. */
import { CarWriter } from "@ipld/car";
import { CID } from "multiformats/cid";
import { type Address, addressOf } from "#actors/domain/address.ts";
import { cidOf, type Link, linkTo } from "#actors/domain/dag.ts";
import { encodeManifest, encodeNode, type Manifest, type ManifestLink } from "#actors/domain/manifest.ts";
import { CarReader } from "#actors/overlay/car-reader.ts";
import type { CarProblem } from "#actors/overlay/protocol.ts";
import { createHasher } from "#runtime/pool/blake3.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import { bytesOf, sourceOf } from "#test/actors/overlay/start-overlay.ts";

/** Chunk lengths, or subtrees: unbalanced on purpose, as a manifest from elsewhere may be. */
export interface Tree {
  readonly children: readonly (number | Tree)[];
}

export interface Section {
  readonly link: Link;
  readonly bytes: Uint8Array;
}

export interface Sample {
  readonly object: Buffer;
  readonly address: Address;
  readonly root: Link;
  /** Depth first, the root first of all. */
  readonly sections: readonly Section[];
}

/** An object that is cut as `tree` says; `facts` is what its manifest says beside that. */
export function sample(tree: Tree, facts: Partial<Manifest> = {}): Sample {
  const chunks: Buffer[] = [];
  const grow = ({ children }: Tree): { size: number; links: ManifestLink[]; below: Section[] } => {
    const grown = children.map((child) => {
      if (typeof child === "number") {
        const bytes = bytesOf(child, chunks.length + 1);
        chunks.push(bytes);
        const link: Link = { kind: "chunk", digest: digest(bytes) };
        return { length: child, sections: [{ link, bytes }] };
      }
      const { size, links, below } = grow(child);
      const bytes = encodeNode({ size, linkKind: kindOf(child), links });
      return { length: size, sections: [{ link: { kind: "node", digest: digest(bytes) } as const, bytes }, ...below] };
    });
    return {
      size: grown.reduce((sum, { length }) => sum + length, 0),
      links: grown.map(({ length, sections: [first] }) => ({
        length,
        digest: first?.link.digest ?? digest(bytesOf(0)),
      })),
      below: grown.flatMap(({ sections }) => sections),
    };
  };
  const { size, links, below } = grow(tree);
  const object = Buffer.concat(chunks);
  const said = { size, linkKind: kindOf(tree), links, chunker: "fixed/1", object: digest(object), ...facts };
  const bytes = encodeManifest(said);
  const root: Link = { kind: "node", digest: digest(bytes) };
  return { object, address: addressOf(digest(object)), root, sections: [{ link: root, bytes }, ...below] };
}

/** What a public library writes, in the order given. */
export async function writeCar(roots: readonly unknown[], sections: readonly Section[]): Promise<Buffer> {
  const { writer, out } = CarWriter.create(roots.filter((root) => root instanceof CID));
  const parts: Uint8Array[] = [];
  const written = (async () => {
    for await (const part of out) parts.push(part);
  })();
  for (const { link, bytes } of sections) await writer.put({ cid: CID.decode(cidOf(link)), bytes });
  await writer.close();
  await written;
  return Buffer.concat(parts);
}

export async function carOf({ root, sections }: Sample): Promise<Buffer> {
  return await writeCar([linkTo(root)], sections);
}

/** The object's bytes, or what is wrong with the CAR. */
export async function readCar(
  car: Uint8Array,
  pieceBytes = 65_536,
  bufferBytes = 65_536,
): Promise<Buffer | CarProblem> {
  const reader = new CarReader(sourceOf(car, pieceBytes), createHasher);
  const parts: Uint8Array[] = [];
  if ((await reader.open()) !== undefined) {
    const into = new Uint8Array(bufferBytes);
    for (let count = await reader.read(into); count > 0; count = await reader.read(into)) {
      parts.push(into.slice(0, count));
    }
  }
  return reader.refusal?.problem ?? Buffer.concat(parts);
}

function kindOf({ children }: Tree): "chunk" | "node" {
  return typeof (children[0] ?? 0) === "number" ? "chunk" : "node";
}
