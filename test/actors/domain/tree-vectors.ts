/**
 * The published trees, written byte by byte after the words of `specs/formats/tree.md`, with no library. Run by itself it
 * writes `specs/formats/tree.json`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { digestOf } from "#runtime/pool/blake3.ts";

const file = new URL("../../../specs/formats/tree.json", import.meta.url);

export interface Vector {
  readonly what: string;
  /** Of the tree. */
  readonly hex: string;
  /** BLAKE3-256 of it; absent where it is refused. */
  readonly address?: string;
  /** What it says, as the client gives it; absent where it is refused. */
  readonly tree?: unknown;
  /** Why it is refused. */
  readonly problem?: string;
}

/** Major type and argument, in the shortest form. */
function head(major: number, value: number): Buffer {
  const type = major << 5;
  if (value < 24) return Buffer.of(type | value);
  if (value < 0x100) return Buffer.of(type | 24, value);
  if (value < 0x10000) return Buffer.of(type | 25, value >> 8, value & 0xff);
  const bytes = Buffer.alloc(value < 2 ** 32 ? 5 : 9);
  bytes[0] = type | (value < 2 ** 32 ? 26 : 27);
  if (value < 2 ** 32) bytes.writeUInt32BE(value, 1);
  else bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
}

const uint = (value: number): Buffer => head(0, value);
const text = (value: string): Buffer => Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
const bytes = (value: Uint8Array): Buffer => Buffer.concat([head(2, value.length), value]);
const list = (items: readonly Buffer[]): Buffer => Buffer.concat([head(4, items.length), ...items]);
/** Keys by length, then by their bytes. */
const map = (fields: Readonly<Record<string, Buffer>>): Buffer => {
  const sorted = Object.entries(fields).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
  return Buffer.concat([head(5, sorted.length), ...sorted.flatMap(([key, value]) => [text(key), value])]);
};
const link = (digest: Buffer, codec = 0x71): Buffer =>
  Buffer.concat([Buffer.of(0xd8, 42), bytes(Buffer.concat([Buffer.of(0, 1, codec, 0x1e, 0x20), digest]))]);

const named = (name: string): Buffer => Buffer.from(digestOf(Buffer.from(name)));
const object = named("cepa object");
const manifest = named("cepa manifest");
const stored = { size: uint(5), object: bytes(object), link: link(manifest) };
const said = { size: 5, address: `b3:${object.toString("hex")}`, manifest: manifest.toString("hex") };

type Fields = Readonly<Record<string, Buffer>>;
const content = (name: string, kind: "file" | "dir" = "file", mode = 0o644, over: Fields = {}): Buffer =>
  map({ kind: text(kind), name: text(name), mode: uint(mode), ...stored, ...over });
const symlink = (name: string, target: string): Buffer =>
  map({ kind: text("symlink"), name: text(name), target: text(target) });
const part = (first: string, over: Fields = {}): Buffer => map({ first: text(first), ...stored, ...over });
const entries = (...items: readonly Buffer[]): Buffer => map({ v: uint(1), entries: list(items) });
const parts = (...items: readonly Buffer[]): Buffer => map({ v: uint(1), parts: list(items) });

const file5 = (name: string, kind = "file", mode = 0o644) => ({ kind, name, mode, ...said });

const TAKEN: readonly (readonly [what: string, tree: unknown, encoded: Buffer])[] = [
  ["an empty directory", { entries: [] }, entries()],
  ["a file", { entries: [file5("hello.txt")] }, entries(content("hello.txt"))],
  [
    "one of each kind, sorted by the bytes of names",
    {
      entries: [
        { kind: "symlink", name: "B", target: "../a/b" },
        file5("a", "dir", 0o755),
        file5("b", "file", 0o4755),
        file5("é"),
        file5("\u{ffff}"),
        file5("\u{1f9c5}"),
      ],
    },
    entries(
      symlink("B", "../a/b"),
      content("a", "dir", 0o755),
      content("b", "file", 0o4755),
      content("é"),
      content("\u{ffff}"),
      content("\u{1f9c5}"),
    ),
  ],
  [
    "the longest name and the highest mode",
    { entries: [file5("n".repeat(255), "file", 0o7777)] },
    entries(content("n".repeat(255), "file", 0o7777)),
  ],
  [
    "the longest target",
    { entries: [{ kind: "symlink", name: "l", target: "t".repeat(4095) }] },
    entries(symlink("l", "t".repeat(4095))),
  ],
  [
    "a directory in two parts",
    {
      parts: [
        { first: "a", ...said },
        { first: "m", ...said },
      ],
    },
    parts(part("a"), part("m")),
  ],
];

const REFUSED: readonly (readonly [what: string, problem: string, encoded: Buffer])[] = [
  ["nothing", "not-a-tree", Buffer.of()],
  ["bytes behind the tree", "trailing-bytes", Buffer.concat([entries(), Buffer.of(0)])],
  [
    "keys in another order",
    "not-a-tree",
    Buffer.concat([Buffer.of(0xa2), text("entries"), list([]), text("v"), uint(1)]),
  ],
  [
    "a number in more bytes than it needs",
    "not-a-tree",
    Buffer.concat([Buffer.of(0xa2), text("v"), Buffer.of(0x18, 1), text("entries"), list([])]),
  ],
  [
    "a name that is no UTF-8",
    "bad-name",
    entries(map({ kind: text("symlink"), name: Buffer.of(0x61, 0xff), target: text("t") })),
  ],
  [
    "a name twice in one entry",
    "bad-entry",
    entries(Buffer.concat([Buffer.of(0xa2), text("name"), text("a"), text("name"), text("a")])),
  ],
  ["a list", "not-a-tree", list([])],
  ["version 2", "not-a-tree", map({ v: uint(2), entries: list([]) })],
  ["no version", "not-a-tree", map({ entries: list([]) })],
  ["a field too many", "not-a-tree", map({ v: uint(1), x: uint(1), entries: list([]) })],
  ["entries and parts", "not-a-tree", map({ v: uint(1), parts: list([]), entries: list([]) })],
  ["entries that are no list", "not-a-tree", map({ v: uint(1), entries: map({}) })],
  ["an entry that is text", "bad-entry", entries(text("a"))],
  [
    "an entry of another kind",
    "bad-entry",
    entries(map({ kind: text("device"), name: text("a"), mode: uint(0), ...stored })),
  ],
  ["an entry with a field too many", "bad-entry", entries(content("a", "file", 0, { owner: uint(0) }))],
  [
    "a symbolic link with a mode",
    "bad-entry",
    entries(map({ kind: text("symlink"), name: text("a"), target: text("t"), mode: uint(0) })),
  ],
  ["a part among the entries", "bad-entry", entries(part("a"))],
  ["an entry among the parts", "bad-entry", parts(content("a"))],
  ...["", ".", "..", "/etc/passwd", "a/b", "../a", "a\0", "n".repeat(256)].map(
    (name): readonly [string, string, Buffer] => [
      `the name ${JSON.stringify(name.slice(0, 12))}`,
      "bad-name",
      entries(content(name)),
    ],
  ),
  ["a name that begins with a byte order mark", "bad-name", entries(content("\ufeffa"))],
  ["a part that begins with ..", "bad-name", parts(part(".."))],
  ["a mode too high", "bad-mode", entries(content("a", "file", 0o10000))],
  ["a mode that is text", "bad-mode", entries(content("a", "file", 0, { mode: text("0644") }))],
  ["a directory larger than a tree", "bad-size", entries(content("a", "dir", 0, { size: uint(1_048_577) }))],
  ["a part larger than a tree", "bad-size", parts(part("a", { size: uint(1_048_577) }))],
  ["a size below zero", "bad-size", entries(content("a", "file", 0, { size: Buffer.of(0x20) }))],
  ["a digest of 31 bytes", "bad-entry", entries(content("a", "file", 0, { object: bytes(object.subarray(1)) }))],
  ["a link to a chunk", "bad-entry", entries(content("a", "file", 0, { link: link(manifest, 0x55) }))],
  ["a link that is bytes", "bad-entry", entries(content("a", "file", 0, { link: bytes(manifest) }))],
  ["an empty target", "bad-target", entries(symlink("a", ""))],
  ["a target with a zero", "bad-target", entries(symlink("a", "t\0"))],
  ["a target too long", "bad-target", entries(symlink("a", "t".repeat(4096)))],
  ["names in another order", "out-of-order", entries(content("b"), content("a"))],
  ["names in the order of UTF-16", "out-of-order", entries(content("\u{1f9c5}"), content("\u{ffff}"))],
  ["a name twice", "out-of-order", entries(content("a"), symlink("a", "t"))],
  ["parts in another order", "out-of-order", parts(part("b"), part("a"))],
];

export function makeVectors(): readonly Vector[] {
  const taken = TAKEN.map(([what, tree, encoded]) => {
    const address = `b3:${Buffer.from(digestOf(encoded)).toString("hex")}`;
    return { what, hex: encoded.toString("hex"), address, tree };
  });
  const refused = REFUSED.map(([what, problem, encoded]) => ({ what, hex: encoded.toString("hex"), problem }));
  return [...taken, ...refused];
}

export function publishedVectors(): readonly Vector[] {
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly vectors: readonly Vector[] }).vectors;
}

if (import.meta.main) {
  const lines = makeVectors().map((vector) => `    ${JSON.stringify(vector)}`);
  writeFileSync(file, `{\n  "vectors": [\n${lines.join(",\n")}\n  ]\n}\n`);
}
