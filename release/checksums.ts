/** `SHA256SUMS`, as `sha256sum` writes and checks it: a digest, two spaces, a name, a line a file. */
import { createHash } from "node:crypto";
import { malformed, type ReleaseMalformed } from "#release/malformed.ts";
import { ok, type Result } from "#runtime/errors.ts";

/** Lines that are read. Ours has five. */
export const CHECKSUMS_MAX = 64;
/** Characters of a name of a file. */
export const FILE_NAME_LENGTH_MAX = 128;

/** Names in order, so that the same files have one list. */
export function writeChecksums(files: ReadonlyMap<string, Uint8Array>): string {
  return [...files]
    .map(([name, bytes]) => `${sha256Of(bytes)}  ${name}\n`)
    .sort((one, other) => (one.slice(66) < other.slice(66) ? -1 : 1))
    .join("");
}

/** Digests in hex, by name. */
export function readChecksums(text: string): Result<ReadonlyMap<string, string>, ReleaseMalformed> {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length === 0) return malformed("checksums", "it is empty or cut");
  if (lines.length > CHECKSUMS_MAX) return malformed("checksums", `it has more than ${CHECKSUMS_MAX} lines`);
  const digests = new Map<string, string>();
  for (const line of lines) {
    const [, digest = "", name = ""] = line.match(/^([0-9a-f]{64}) {2}([\w.-]+)$/) ?? [];
    if (name === "" || name.length > FILE_NAME_LENGTH_MAX)
      return malformed("checksums", "a line has no digest and name");
    if (digests.has(name)) return malformed("checksums", `${name} is there twice`);
    digests.set(name, digest);
  }
  return ok(digests);
}

/** In hex. */
export function sha256Of(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
