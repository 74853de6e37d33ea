/** Files with the keys of whoever certifies others: a line of OpenSSH each, beside empty ones and comments. */
import { isUtf8 } from "node:buffer";
import type { SshKey } from "#actors/domain/ssh/key.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import type { Disk } from "#runtime/disk/disk.ts";

/** Keys in all files together. */
export const AUTHORITIES_MAX = 64;

/** Those of all files that `setting` names, or a sentence about the first thing that is wrong. */
export async function readAuthorities(
  disk: Disk,
  setting: string,
  paths: readonly string[],
): Promise<readonly SshKey[] | string> {
  const keys: SshKey[] = [];
  for (const path of paths) {
    const read = await disk.readFile(path);
    if (!read.ok) return `${setting}: ${path} cannot be read (${read.failure.code})`;
    if (!isUtf8(read.value)) return `${setting}: ${path} is no text`;
    for (const [index, line] of Buffer.from(read.value).toString().split(/\r?\n/).entries()) {
      if (line.trim() === "" || line.startsWith("#")) continue;
      const parsed = parseKeyLine(line);
      const where = `${setting}: line ${index + 1} of ${path}`;
      if (!parsed.ok) return `${where} is no public key of the kind ssh-ed25519 (${parsed.failure.reason})`;
      if (parsed.value.kind !== "key") return `${where} is a certificate: name the key of the authority itself`;
      keys.push(parsed.value.key);
    }
  }
  return keys.length > AUTHORITIES_MAX ? `${setting} has more than ${AUTHORITIES_MAX} keys` : keys;
}
