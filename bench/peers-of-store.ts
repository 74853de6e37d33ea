/** Who Cepa's store is measured beside, as far as they can be had on this machine. */
import { Helia } from "#bench/helia/helia.ts";
import { installPeers } from "#bench/peer-package.ts";
import { prepareRestic, type Restic } from "#bench/restic.ts";
import { say } from "#bench/say.ts";

export interface StorePeers {
  readonly restic: Restic | undefined;
  /** Starts one on an empty blockstore. */
  readonly helia: (() => Promise<Helia>) | undefined;
}

export async function preparePeers(cache: string): Promise<StorePeers> {
  installPeers(say);
  const absence = await Helia.absence(cache);
  if (absence !== undefined) say(`Helia will be absent: ${absence}`);
  return {
    restic: prepareRestic(cache, say),
    helia: absence === undefined ? () => Helia.start(cache) : undefined,
  };
}
