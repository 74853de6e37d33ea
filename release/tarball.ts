/**
 * The members of a tarball, `.tar.gz` or `.tgz`: enough to look into an artefact, and to say in what two of them differ.
 *
 * It reads what git and npm write: ustar with the extended headers of POSIX, files, folders and symbolic links. Anything else,
 * a name that leads out of the folder, and a checksum that is wrong, is refused.
 */
import { gunzipSync } from "node:zlib";
import { malformed, type ReleaseMalformed } from "#release/malformed.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Unpacked, of a tarball that is read. Ours has 11 MiB. */
export const UNPACKED_BYTES_MAX: number = 256 * MiB;
/** Members of a tarball that is read. */
export const MEMBERS_MAX = 50_000;

export interface Member {
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  readonly bytes: Uint8Array;
  /** Where a link leads; empty for anything else. */
  readonly target: string;
}

export interface Tarball {
  /** In the order of the tarball. */
  readonly members: readonly Member[];
  /** What stands in the header of the whole: git writes the commit there. */
  readonly comment: string | undefined;
}

const BLOCK_BYTES = 512;

export function readTarball(packed: Uint8Array): Result<Tarball, ReleaseMalformed> {
  let bytes: Buffer;
  try {
    bytes = gunzipSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch (error) {
    return malformed("tarball", error instanceof Error ? error.message : "it cannot be unpacked");
  }
  const members: Member[] = [];
  let comment: string | undefined;
  let extended: ReadonlyMap<string, string> = new Map();
  for (let at = 0; at + BLOCK_BYTES <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return ok({ members, comment });
    if (!isSound(header)) return malformed("tarball", `the header at ${at} is damaged`);
    const size = octalIn(header, 124, 12);
    const content = bytes.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + size);
    if (content.length < size) return malformed("tarball", "it is cut");
    at += BLOCK_BYTES + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === "g") comment = readExtended(content).get("comment");
    else if (type === "x") extended = readExtended(content);
    else {
      const member = memberOf(header, type, content, extended);
      if (typeof member === "string") return malformed("tarball", member);
      if (members.length === MEMBERS_MAX) return malformed("tarball", `it has more than ${MEMBERS_MAX} members`);
      members.push(member);
      extended = new Map();
    }
  }
  return malformed("tarball", "it has no end");
}

/** The file at `path`, below the one folder that all is in. */
export function fileIn({ members }: Tarball, path: string): Uint8Array | undefined {
  return members.find((member) => member.kind === "file" && member.path.replace(/^[^/]+\//, "") === path)?.bytes;
}

/** The first difference that there is between two tarballs, for people; both are not the same bytes. */
export function differenceOf(one: Uint8Array, other: Uint8Array): string {
  const [left, right] = [readTarball(one), readTarball(other)];
  if (!left.ok || !right.ok) return "one of them cannot be unpacked";
  const had = new Map(left.value.members.map((member) => [member.path, member]));
  for (const member of right.value.members) {
    const before = had.get(member.path);
    if (before === undefined) return `${member.path} is in one of them`;
    if (before.mode !== member.mode)
      return `${member.path} has the modes ${octal(before.mode)} and ${octal(member.mode)}`;
    if (Buffer.compare(before.bytes, member.bytes) !== 0) return `${member.path} has other bytes`;
    had.delete(member.path);
  }
  const [missing] = had.keys();
  return missing === undefined ? "the same files are packed in another way" : `${missing} is in one of them`;
}

/** A sentence where it is none that is taken. */
function memberOf(
  header: Buffer,
  type: string,
  content: Uint8Array,
  extended: ReadonlyMap<string, string>,
): Member | string {
  const kind = type === "0" || type === "\0" ? "file" : type === "5" ? "folder" : type === "2" ? "link" : undefined;
  const path = (extended.get("path") ?? nameIn(header)).replace(/\/$/, "");
  if (kind === undefined) return `${path} is of a kind that is not taken (${JSON.stringify(type)})`;
  if (path === "" || path.startsWith("/") || path.split("/").some((part) => part === ".." || part === "")) {
    return `${JSON.stringify(path)} leads out of the folder`;
  }
  const target = kind === "link" ? (extended.get("linkpath") ?? textIn(header, 157, 100)) : "";
  if (target.startsWith("/") || target.split("/").includes("..")) return `${path} is a link that leads away`;
  return { path, kind, mode: octalIn(header, 100, 8) & 0o777, bytes: content, target };
}

function nameIn(header: Buffer): string {
  const prefix = textIn(header, 345, 155);
  const name = textIn(header, 0, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** The sum of the header's bytes, its own place counted as spaces. */
function isSound(header: Buffer): boolean {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return sum === octalIn(header, 148, 8);
}

/** Records of an extended header: length, space, key, equals sign, value, line feed. */
function readExtended(content: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const [, digits = "0"] = content.toString("latin1", at, at + 8).match(/^(\d+) /) ?? [];
    const length = Number(digits);
    if (length <= digits.length + 1) break;
    const [, key = "", value = ""] =
      content.toString("utf8", at + digits.length + 1, at + length - 1).match(/^([^=]+)=([\s\S]*)$/) ?? [];
    records.set(key, value);
    at += length;
  }
  return records;
}

function textIn(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

function octalIn(header: Buffer, at: number, length: number): number {
  return Number.parseInt(textIn(header, at, length).trim() || "0", 8);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, "0");
}
