/**
 * What reads bytes that come from elsewhere, each with what must hold of any: nothing throws, what was read is written back
 * as it was, and two readers agree.
 *
 * Where a CRC guards the rest, it is made to hold as often as not: else nothing behind it would ever be reached.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { digestFromBytes } from "#actors/domain/address.ts";
import { readCanonical, readJson } from "#actors/domain/canonical-json.ts";
import { readEntry } from "#actors/domain/events/entry.ts";
import { decodeManifest, decodeNode, encodeManifest, encodeNode, type Manifest } from "#actors/domain/manifest.ts";
import { decodeNameRecord, encodeNameRecord, verifyNameRecord } from "#actors/domain/name-record.ts";
import { CERTIFICATE_TYPE } from "#actors/domain/ssh/certificate.ts";
import { verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { parseRfc3339 } from "#actors/domain/time-ns.ts";
import { verifyToken } from "#actors/domain/tokens/token.ts";
import { parseRanges } from "#actors/gateway/range.ts";
import { shardsOf } from "#actors/storage/chunks/chunk-shards.ts";
import { decodeDescriptor, encodeDescriptor } from "#actors/storage/chunks/shard-descriptor.ts";
import {
  decodePackHeader,
  decodeSealFooter,
  encodePackFront,
  encodeSealFooter,
  PACK_HEADER_BYTES,
} from "#actors/storage/packs/pack-format.ts";
import {
  decodeHeader,
  encodeHeader,
  NO_TABLE,
  RECORD_HEADER_BYTES,
  segmentCount,
} from "#actors/storage/packs/record.ts";
import { decodeMark, encodeMark, withCrc } from "#actors/storage/volumes/volume-mark.ts";
import { decodeMemory, encodeMemory } from "#actors/storage/volumes/volume-memory.ts";
import { parsePublicKeyLine } from "#client/ssh/key-line.ts";
import { formatPrivateKey, parsePrivateKey } from "#client/ssh/private-key.ts";
import { KiB } from "#runtime/units.ts";
import { BOUNDS, goodEnvelope, goodEvent, NOW, verdictOf } from "#test/actors/domain/events/entry-kit.ts";
import { entryModel } from "#test/actors/domain/events/entry-model.ts";
import { problemsOf, saidBy } from "#test/actors/domain/json-model.ts";
import { GO, PYTHON, RFC_8785 } from "#test/actors/domain/json-vectors.ts";
import { type NameVectors, vectorsFile } from "#test/actors/domain/name-vectors.ts";
import { readRecord } from "#test/actors/domain/name-verifier.ts";
import { type SshVectors, vectorsFile as sshVectorsFile } from "#test/actors/domain/ssh/vectors.ts";
import { bytesIn, keyIn } from "#test/actors/domain/ssh/verdicts.ts";
import { CLAIMS, REFERENCE_TOKEN, rewritten, TERMS } from "#test/actors/domain/tokens/token-kit.ts";
import { publishedVectors } from "#test/actors/domain/tree-vectors.ts";
import { verdicts } from "#test/actors/domain/tree-verdicts.ts";
import { rangeModel } from "#test/actors/gateway/range-model.ts";
import { carOf, readCar, sample } from "#test/actors/overlay/car-kit.ts";
import type { Target } from "#test/fuzz/fuzz.ts";

const bytesOfSeed = (seed: number, length = 32): Uint8Array => new Uint8Array(length).fill(seed);
const digest = (seed: number) => digestFromBytes(bytesOfSeed(seed));
const mark = bytesOfSeed(9, 8);

/** With the CRC-32 of all before `at` in the four bytes there. */
function resealed(input: Uint8Array, at: number): Uint8Array {
  if (at < 0 || at + 4 > input.length) return input;
  const bytes = Buffer.from(input);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at);
  return bytes;
}

const link = (seed: number) => ({ length: seed + 1, digest: digest(seed) });
const plain: Manifest = { size: 3, linkKind: "chunk", links: [link(2)], chunker: "gear-nc2/1", object: digest(1) };
const inner: Manifest = { ...plain, size: 15, linkKind: "node", links: [link(4), link(9)] };
const manifests: readonly Manifest[] = [
  plain,
  inner,
  { ...plain, size: 0, links: [], mediaType: "text/plain", meta: { a: 1, b: "c", d: true } },
];

const manifest: Target = {
  name: "manifest",
  seeds: [...manifests.map(encodeManifest), encodeNode(inner)],
  check(input) {
    const root = decodeManifest(input);
    if (root.ok) assert.deepEqual(decodeManifest(encodeManifest(root.value)), root);
    const node = decodeNode(input);
    if (node.ok) assert.deepEqual(decodeNode(encodeNode(node.value)), node);
  },
};

const header = {
  mark,
  sequence: 7,
  isTransient: false,
  isSettled: true,
  epoch: 3,
  digest: bytesOfSeed(1),
  tableDigest: NO_TABLE,
};
const packRecord: Target = {
  name: "pack record",
  seeds: [
    encodeHeader({ ...header, kind: "manifest", payloadOffset: 128, payloadBytes: 300 }),
    encodeHeader({ ...header, kind: "chunk", sequence: 0, payloadOffset: 2176, payloadBytes: 100 * KiB }),
    encodeHeader({
      ...header,
      kind: "shard",
      sequence: 0,
      isSettled: false,
      payloadOffset: 900,
      payloadBytes: 64 * KiB,
    }),
  ],
  check(input) {
    for (const bytes of [input, resealed(input, RECORD_HEADER_BYTES - 4)]) {
      const read = decodeHeader(bytes, undefined);
      if (read !== undefined) assert.deepEqual(decodeHeader(encodeHeader(read), read.mark), read);
    }
  },
};

function markOf(front: Uint8Array): Uint8Array {
  return new Uint8Array(decodePackHeader(front, 1) ?? []);
}

const packFrames: Target = {
  name: "pack header and seal",
  seeds: [
    encodePackFront(1, mark).slice(0, PACK_HEADER_BYTES),
    encodeSealFooter({ entryCount: 2, tablePosition: 9000, tableDigest: bytesOfSeed(5) }, mark),
  ],
  check(input) {
    for (const bytes of [input, resealed(input, 60)]) {
      const found = decodePackHeader(bytes, 1);
      if (found !== undefined) assert.deepEqual(markOf(encodePackFront(1, found)), new Uint8Array(found));
      const footer = decodeSealFooter(bytes, mark);
      if (footer === undefined) continue;
      const again = Buffer.from(encodeSealFooter(footer, mark));
      assert.deepEqual(again, Buffer.from(bytes.subarray(0, again.length)));
    }
  },
};

function descriptorSeed(chunkBytes: number, dataShards: number, parityShards: number, shard: number): Uint8Array {
  const shards = shardsOf(chunkBytes, { dataShards, parityShards });
  assert(shards !== undefined);
  const shardDigests = bytesOfSeed(3, 32 * (shards.dataShards + parityShards));
  const segmentDigests = bytesOfSeed(4, 32 * segmentCount(chunkBytes));
  return encodeDescriptor({ chunk: digest(1), shards, shard, shardDigests, segmentDigests });
}

const shardDescriptor: Target = {
  name: "shard descriptor",
  seeds: [descriptorSeed(256 * KiB, 4, 2, 0), descriptorSeed(300_000, 2, 1, 2), descriptorSeed(700_000, 10, 4, 9)],
  check(input) {
    for (const bytes of [input, resealed(input, input.length - 4)]) {
      const read = decodeDescriptor(bytes);
      if (read === undefined) continue;
      const again = encodeDescriptor(read);
      assert.deepEqual(Buffer.from(again), Buffer.from(bytes.subarray(0, again.length)));
    }
  },
};

/** The last line made the CRC of those before. */
function withLine(input: Uint8Array): Uint8Array {
  const text = Buffer.from(input).toString("latin1");
  return withCrc(text.slice(0, Math.max(0, text.lastIndexOf("crc "))));
}

const id = "0123456789abcdef";
const node = id + id;
const volumeMark: Target = {
  name: "VOLUME mark",
  seeds: [encodeMark({ id, slot: 7, node }), encodeMark({ id, slot: 4095, node })],
  check(input) {
    for (const bytes of [input, withLine(input)]) {
      const read = decodeMark(bytes);
      if (read !== undefined) assert.deepEqual(Buffer.from(encodeMark(read)), Buffer.from(bytes));
    }
  },
};

const volume = { id, slot: 7, weight: 100, path: "/disk" };
const volumeMemory: Target = {
  name: "memory of volumes",
  seeds: [
    encodeMemory({ node, slotMax: 0, volumes: [], forgotten: [], doubted: [] }),
    encodeMemory({
      node,
      slotMax: 9,
      volumes: [volume, { ...volume, id: id.replace("0", "f"), slot: 8, path: "" }],
      forgotten: [{ id: id.replace("0", "e"), slot: 9 }],
      doubted: ["/old"],
    }),
  ],
  check(input) {
    for (const bytes of [input, withLine(input)]) {
      const read = decodeMemory(bytes);
      if (read !== undefined) assert.deepEqual(Buffer.from(encodeMemory(read)), Buffer.from(bytes));
    }
  },
};

const tree: Target = {
  name: "tree",
  seeds: publishedVectors()
    .map(({ hex }) => new Uint8Array(Buffer.from(hex, "hex")))
    .filter(({ length }) => length < 2 * KiB),
  check(input) {
    const { node: inNode, client } = verdicts(input);
    // Where more than one thing is wrong each says what it has come upon.
    if (typeof inNode !== "string" || typeof client !== "string") assert.deepEqual(inNode, client);
  },
};

const { records } = JSON.parse(readFileSync(vectorsFile, "utf8")) as NameVectors;
const nameRecord: Target = {
  name: "name record",
  seeds: records
    .map(({ record }) => new Uint8Array(Buffer.from(record, "hex")))
    .filter(({ length }) => length < 2 * KiB),
  check(input) {
    const read = decodeNameRecord(input);
    if (read.ok) assert.deepEqual(Buffer.from(encodeNameRecord(read.value, read.value.signature)), Buffer.from(input));
    const verified = verifyNameRecord(input);
    const second = readRecord(input);
    assert.equal(typeof second === "string" ? `name.${second}` : "good", verified.ok ? "good" : verified.failure.code);
  },
};

const samples = [{ children: [] }, { children: [10] }, { children: [{ children: [40, 3] }, { children: [1] }] }].map(
  (shape) => sample(shape),
);
const objects = new Set(samples.map(({ object }) => object.toString("hex")));
const car: Target = {
  name: "CAR",
  seeds: await Promise.all(samples.map(async (one) => new Uint8Array(await carOf(one)))),
  async check(input) {
    const read = await readCar(input);
    // Nobody finds another object that has the digests of its manifest.
    if (typeof read !== "string") assert(objects.has(read.toString("hex")), "only what was written is read");
  },
};

const ssh = JSON.parse(readFileSync(sshVectorsFile, "utf8")) as SshVectors;
const sshLines = [...ssh.keys, ...ssh.certificates].map(({ line }) => line);
const sshTrust = {
  ...ssh.trust,
  authorities: ssh.trust.authorities.map(keyIn),
  principals: new Set(ssh.trust.principals),
};
const sshGood = new Set(
  ssh.certificates.filter(({ is }) => is.startsWith("good")).map(({ line }) => bytesIn(line).toString("hex")),
);
const sshOwn = formatPrivateKey({ seed: new Uint8Array(32), publicKey: new Uint8Array(32), comment: "me" });
const sshKeys: Target = {
  name: "ssh key line, certificate and private key",
  seeds: [
    ...[...sshLines, sshOwn].map((line) => Buffer.from(line)),
    ...ssh.certificates.map(({ line }) => bytesIn(line)),
  ],
  check(input) {
    const text = Buffer.from(input).toString();
    for (const line of [text, `${CERTIFICATE_TYPE} ${Buffer.from(input).toString("base64")}`]) {
      const read = parseKeyLine(line);
      const inClient = parsePublicKeyLine(line);
      if (!read.ok) continue;
      assert.equal(inClient !== undefined, read.value.kind === "key");
      if (read.value.kind === "key") continue;
      const isGood = verifyCertificate(read.value.certificate, sshTrust).ok;
      assert(!isGood || sshGood.has(bytesIn(line).toString("hex")), "only what was signed is taken");
    }
    const own = parsePrivateKey(text);
    if (typeof own === "object") assert.deepEqual(parsePrivateKey(formatPrivateKey(own)), own);
  },
};

const range: Target = {
  name: "Range",
  seeds: ["bytes=0-1", "bytes=-5", "bytes=9-", "bytes= 0-0 ,\t5-9,,-1", "Bytes=1-2,99999999999999999999-"].map(
    (text) => new Uint8Array(Buffer.from(text)),
  ),
  check(input) {
    const field = Buffer.from(input).toString("latin1");
    assert.deepEqual(parseRanges(field), rangeModel(field));
  },
};

const nowNs = parseRfc3339(NOW) ?? 0n;
const entry: Target = {
  name: "entry of the stream",
  seeds: [
    goodEvent(),
    goodEvent({ payload: { "\u0001": [1.5e-300, -1, "\u{1f4b1}\u2028"] }, tags: [], x: { payload: [] } }),
    goodEnvelope(),
    goodEnvelope({ type: "heartbeat", data: undefined }),
  ].map((text) => new Uint8Array(Buffer.from(text))),
  check(input) {
    const text = Buffer.from(input).toString();
    assert.deepEqual(
      verdictOf(readEntry(text, BOUNDS)),
      entryModel(text, { nowNs, sizeBytesMax: BOUNDS.sizeBytesMax }),
    );
  },
};

const token: Target = {
  name: "token",
  seeds: [REFERENCE_TOKEN, rewritten(REFERENCE_TOKEN, "base64url")].map((text) => new Uint8Array(Buffer.from(text))),
  async check(input) {
    const verified = await verifyToken(Buffer.from(input).toString(), TERMS);
    // Nobody else can say another thing.
    if (verified.ok) assert.deepEqual(verified.value, CLAIMS);
  },
};

const canonicalJson: Target = {
  name: "canonical JSON",
  seeds: [...PYTHON, ...GO, ...RFC_8785].map(({ text }) => new Uint8Array(Buffer.from(text))),
  check(input) {
    // In which U+FFFD stands for what is no UTF-8.
    const text = Buffer.from(input).toString();
    const isUtf8 = Buffer.from(text).equals(input);
    for (const [form, read] of [
      ["canonical", readCanonical(input)],
      ["any", readJson(input)],
    ] as const) {
      const problems = isUtf8 ? problemsOf(text, form) : new Set(["not-utf8"]);
      assert.equal(read.ok, problems.size === 0);
      if (read.ok) assert.deepEqual(read.value, saidBy(text));
      else if (!problems.has("not-json")) assert(problems.has(read.failure.problem), read.failure.problem);
    }
  },
};

export const TARGETS: readonly Target[] = [
  manifest,
  packRecord,
  packFrames,
  shardDescriptor,
  volumeMark,
  volumeMemory,
  tree,
  nameRecord,
  car,
  sshKeys,
  range,
  entry,
  token,
  canonicalJson,
];
