/** Names of three owners in a directory of the real disk, whose journal is rewritten every dozen records. */
import type { Name } from "#actors/domain/name.ts";
import { Names } from "#actors/index/names/names.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { labelOf, signerOf, type TestSigner } from "#test/kit/names.ts";

export interface Owner {
  readonly signer: TestSigner;
  readonly name: Name;
}

export const OWNERS: readonly Owner[] = [1, 2, 3].map((byte) => {
  const signer = signerOf(byte);
  return { signer, name: { publicKey: signer.publicKey, label: labelOf("site") } };
});

export function openNames(directory: string): Names {
  return new Names({
    disk: createRealDisk(),
    random: createRealRandom(),
    directory,
    compactBytesMin: 4096,
    onEquivocation: () => {},
    onTrouble: () => {},
  });
}
