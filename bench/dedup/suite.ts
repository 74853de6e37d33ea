/** `cepa bench dedup`: how much of two versions of the same thing is stored, for each way to cut, beside restic. */
import { openCache } from "#bench/cache.ts";
import { headOfDedup, reportDedup } from "#bench/dedup/dedup-report.ts";
import { holdingsOfCepa, holdingsOfRestic } from "#bench/dedup/holdings.ts";
import { prepareMaterials, sizeOf } from "#bench/dedup/material.ts";
import { installPeers } from "#bench/peer-package.ts";
import type { Report } from "#bench/report.ts";
import { type Compression, prepareRestic } from "#bench/restic.ts";
import { say } from "#bench/say.ts";
import { TemporaryFolder } from "#bench/temporary.ts";

const CHUNKERS = ["gear-nc2/1", "gear-fine/1", "fixed/1"];
const PEERS: readonly { readonly arm: string; readonly compression: Compression }[] = [
  { arm: "restic", compression: "off" },
  { arm: "restic, compressed", compression: "auto" },
];

export async function* benchDedup(): AsyncGenerator<Report> {
  const cache = openCache();
  installPeers(say);
  const restic = prepareRestic(cache, say);
  using folder = new TemporaryFolder(cache, "dedup-");
  yield { lines: [headOfDedup()], figures: [] };
  for (const material of prepareMaterials(folder.path, say)) {
    const ours = [];
    for (const arm of CHUNKERS) ours.push({ arm, holdings: await holdingsOfCepa(material, arm, cache) });
    const peers = [];
    for (const { arm, compression } of PEERS) {
      const holdings = restic === undefined ? undefined : await holdingsOfRestic(restic, material, compression);
      peers.push({ arm, holdings });
    }
    const { name, label, versions } = material;
    yield reportDedup({ name, label, putBytes: versions.map(sizeOf), ours, peers });
  }
}
