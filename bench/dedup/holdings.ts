/** What a node holds after each version of a material, and restic: their own word, with nothing held before. */
import { readFileSync } from "node:fs";
import { filesOf, type Material } from "#bench/dedup/material.ts";
import type { Compression, Restic } from "#bench/restic.ts";
import { type RunningNode, startNode } from "#bench/running-node.ts";
import { startDigest } from "#cli/digest.ts";
import { CepaClient } from "#client/client.ts";
import { isRecord } from "#client/wire.ts";

/** Bytes held after each version. */
export type Holdings = readonly number[];

/** Files that are put at a time. */
const PUTS_MAX = 8;

export async function holdingsOfCepa(material: Material, chunker: string, cache: string): Promise<Holdings> {
  await using node = await startNode(cache);
  const holdings: number[] = [];
  for (const version of material.versions) {
    await putAll(node, filesOf(version), chunker);
    holdings.push(await storedBytes(node));
  }
  return holdings;
}

/** What the blobs of all snapshots take. */
export async function holdingsOfRestic(
  restic: Restic,
  { versions }: Material,
  compression: Compression,
): Promise<Holdings> {
  using repository = await restic.open(compression);
  const holdings: number[] = [];
  for (const version of versions) {
    await repository.backup(version);
    holdings.push(await repository.storedBytes());
  }
  return holdings;
}

/** An object that the node did not understand as it is on disk ends the bench. */
async function putAll(node: RunningNode, files: readonly string[], chunker: string): Promise<void> {
  const client = new CepaClient({ url: node.url });
  const rest = files.values();
  const putter = async (): Promise<void> => {
    for (const file of rest) {
      const bytes = readFileSync(file);
      const digest = startDigest();
      digest.update(bytes);
      await client.putObject(bytes, { chunker, expect: digest.address() });
    }
  };
  await Promise.all(Array.from({ length: PUTS_MAX }, putter));
}

/** Payloads of chunks and manifests, as `/status` says. */
async function storedBytes({ url }: RunningNode): Promise<number> {
  const said: unknown = await (await fetch(`${url}/status`)).json();
  const store = isRecord(said) ? said["store"] : undefined;
  const storage = isRecord(store) ? store["storage"] : undefined;
  const bytes = isRecord(storage) ? storage["storedBytes"] : undefined;
  if (typeof bytes !== "number") throw new Error("the node does not say how much it stores");
  return bytes;
}
