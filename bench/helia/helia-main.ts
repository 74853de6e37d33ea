/**
 * The arm of Helia, in a process of its own: `@helia/unixfs` over `blockstore-fs`, as a Helia node has them, without the
 * network, the pins and the locks of one. Asked by `bench/helia/helia.ts`, a line of JSON in and one out.
 *
 * A block is a file that is written and renamed into place, and not synced. What is read is not hashed again.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Order } from "#bench/helia/helia.ts";
import {
  cycle,
  DIGEST_EVERY,
  generateLoad,
  type LoadResult,
  type LoadShape,
  NAMES_MAX,
  newBodies,
} from "#bench/load-shape.ts";
import { AbsentPeer, importPeer } from "#bench/peer-package.ts";
import { startDigest } from "#cli/digest.ts";
import { MiB } from "#runtime/units.ts";

interface Cid {
  toString(): string;
}

interface Blockstore {
  open(): Promise<void>;
  put(cid: Cid, bytes: Uint8Array): Promise<Cid>;
  get(cid: Cid): AsyncIterable<Uint8Array>;
}

interface UnixFs {
  addByteStream(bytes: AsyncIterable<Uint8Array>): Promise<Cid>;
  cat(cid: Cid): AsyncIterable<Uint8Array>;
}

interface Digest {
  readonly digest: Uint8Array;
}

interface Helia {
  readonly blockstore: Blockstore;
  readonly fs: UnixFs;
  parse(text: string): Cid;
  cidOf(bytes: Uint8Array): Promise<Cid>;
}

const [folder = ""] = process.argv.slice(2);
try {
  const helia = await open(folder);
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    say(await answer(helia, JSON.parse(line) as Order));
  }
} catch (error) {
  if (!(error instanceof AbsentPeer)) throw error;
  say({ absent: error.message });
}
process.exit(0);

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function open(path: string): Promise<Helia> {
  const { FsBlockstore } = await importPeer<{ FsBlockstore: new (path: string) => Blockstore }>("blockstore-fs");
  const { unixfs } = await importPeer<{ unixfs: (parts: { blockstore: Blockstore }) => UnixFs }>("@helia/unixfs");
  const { CID } = await importPeer<{
    CID: { parse(text: string): Cid; createV1(codec: number, digest: Digest): Cid };
  }>("multiformats/cid");
  const { sha256 } = await importPeer<{ sha256: { digest(bytes: Uint8Array): Promise<Digest> } }>(
    "multiformats/hashes/sha2",
  );
  const { code } = await importPeer<{ code: number }>("multiformats/codecs/raw");
  const blockstore = new FsBlockstore(path);
  await blockstore.open();
  return {
    blockstore,
    fs: unixfs({ blockstore }),
    parse: (text) => CID.parse(text),
    cidOf: async (bytes) => CID.createV1(code, await sha256.digest(bytes)),
  };
}

async function answer(helia: Helia, order: Order): Promise<object> {
  switch (order.kind) {
    case "import": {
      const bytes = createReadStream(order.path, { highWaterMark: 1 * MiB });
      return { cid: (await helia.fs.addByteStream(bytes)).toString() };
    }
    case "cat": {
      const digest = order.isHashed ? startDigest() : undefined;
      let sizeBytes = 0;
      for await (const piece of helia.fs.cat(helia.parse(order.cid))) {
        sizeBytes += piece.byteLength;
        digest?.update(piece);
      }
      return { sizeBytes, address: digest?.address() };
    }
    case "put":
      return await put(helia, order);
    case "get":
      return await get(helia, order.names, order);
  }
}

async function put({ blockstore, cidOf }: Helia, shape: LoadShape): Promise<LoadResult> {
  const names: string[] = [];
  return await generateLoad(shape, names, async () => {
    const nextBody = newBodies(shape.sizeBytes);
    return {
      request: async () => {
        const bytes = nextBody();
        const cid = await blockstore.put(await cidOf(bytes), bytes);
        if (names.length < NAMES_MAX) names.push(cid.toString());
      },
    };
  });
}

async function get(
  { blockstore, parse, cidOf }: Helia,
  cids: readonly string[],
  shape: LoadShape,
): Promise<LoadResult> {
  const parsed = cids.map(parse);
  return await generateLoad(shape, [], async (index) => {
    const nextCid = cycle(parsed, index);
    let number = 0;
    return {
      request: async () => {
        const cid = nextCid();
        number += 1;
        const pieces: Uint8Array[] = [];
        for await (const piece of blockstore.get(cid)) pieces.push(piece);
        const bytes = Buffer.concat(pieces);
        const isRight = bytes.length === shape.sizeBytes;
        if (!isRight || (number % DIGEST_EVERY === 0 && String(await cidOf(bytes)) !== String(cid))) {
          throw new Error("the blockstore answered with other bytes");
        }
      },
    };
  });
}
