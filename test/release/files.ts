/** The files of a small release, without a repository: artefacts that are written here, signed as any other. */
import type { KeyObject } from "node:crypto";
import { gzipSync } from "node:zlib";
import { composeRelease, type Files } from "#release/release.ts";
import { type KeyTexts, makeKey, readPrivateKey, readPublicKey } from "#release/signing-key.ts";
import { must } from "#runtime/errors.ts";
import { lockfileWith, MANIFEST, POLICY } from "#test/release/fixture.ts";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface TestKey {
  readonly sign: KeyObject;
  readonly verify: KeyObject;
  readonly texts: KeyTexts;
}

export function newKey(): TestKey {
  const texts = makeKey();
  return { texts, sign: privateKeyOf(texts.privateKey), verify: publicKeyOf(texts.publicKey) };
}

const privateKeyOf = (text: string): KeyObject => must(readPrivateKey(text), "a key that was made is read");
const publicKeyOf = (text: string): KeyObject => must(readPublicKey(text), "a key that was made is read");

/** What a release may be made of in another way. */
export interface Changes {
  readonly lockfile?: unknown;
  readonly manifest?: unknown;
  readonly commit?: string;
}

/** Sources and library. */
export function artefacts({ lockfile = lockfileWith(), manifest = MANIFEST }: Changes = {}): Files {
  const source = tarOf([
    { type: "g", name: "pax_global_header", text: `52 comment=${COMMIT}\n` },
    { name: "onion-1.2.3/package.json", text: JSON.stringify(manifest) },
    { name: "onion-1.2.3/package-lock.json", text: JSON.stringify(lockfile) },
  ]);
  const library = tarOf([
    { name: "package/package.json", text: '{"name":"onion","version":"1.2.3","dependencies":{"alpha":"1.0.0"}}' },
    { name: "package/index.js", text: "export {};" },
  ]);
  return new Map([
    ["onion-1.2.3-source.tar.gz", source],
    ["onion-1.2.3.tgz", library],
  ]);
}

/** The whole release, signed with `key`. */
export function releaseOf(key: TestKey, changes: Changes = {}): Files {
  const composed = composeRelease(artefacts(changes), {
    key: key.sign,
    commit: changes.commit ?? COMMIT,
    command: ["cepa", "release", "make"],
    tools: { node: "26.0.0" },
    policy: POLICY,
  });
  return must(composed, "the release can be composed");
}

export interface TarEntry {
  /** `0`, a file, unless it is said. */
  readonly type?: string;
  readonly name: string;
  readonly text?: string;
  readonly mode?: number;
  readonly target?: string;
}

/** A tarball in ustar, packed. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ type = "0", name, text = "", mode = 0o644, target = "" }) => {
    const header = Buffer.alloc(512);
    const content = Buffer.from(text);
    header.write(name, 0);
    header.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write(type, 156);
    header.write(target, 157);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
