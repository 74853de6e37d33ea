/** restic as a peer: Debian's package, unpacked into the cache and never installed. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unpackDebian } from "#bench/debian.ts";
import type { Holdings } from "#bench/dedup/holdings.ts";
import type { Material } from "#bench/dedup/material.ts";
import { isRecord, parseJson } from "#client/wire.ts";

/** `off` shows what is found twice and nothing else. */
export type Compression = "off" | "auto";

export interface Restic {
  holdings(material: Material, compression: Compression): Holdings;
}

/** Undefined when it cannot be had, or is too old to be told not to compress. */
export function prepareRestic(cache: string, say: (line: string) => void): Restic | undefined {
  const found =
    findBinary(cache) ?? (unpackDebian("restic", join(cache, "restic"), say) ? findBinary(cache) : undefined);
  if (found === undefined || !knowsCompression(found)) {
    say(`restic will be absent: it ${found === undefined ? "cannot be had" : "is older than 0.14"}`);
    return undefined;
  }
  return { holdings: (material, compression) => holdings(found, cache, material, compression) };
}

function findBinary(cache: string): string | undefined {
  const candidates = ["/usr/bin/restic", join(cache, "restic/usr/bin/restic")];
  return candidates.find((path) => existsSync(path));
}

function knowsCompression(binary: string): boolean {
  return spawnSync(binary, ["--compression", "off", "version"], { stdio: "ignore" }).status === 0;
}

/** Its own word too: what the blobs of all snapshots take in the repository. */
function holdings(binary: string, cache: string, { versions }: Material, compression: Compression): Holdings {
  const repository = mkdtempSync(join(cache, "restic-run-"));
  const run = (...args: readonly string[]): string =>
    execFileSync(binary, ["--repo", repository, "--no-cache", "--compression", compression, ...args], {
      env: { ...process.env, RESTIC_PASSWORD: "bench" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  try {
    run("init");
    return versions.map((version) => {
      run("backup", version);
      const said = parseJson(run("stats", "--mode", "raw-data", "--json"));
      if (isRecord(said) && typeof said["total_size"] === "number") return said["total_size"];
      throw new Error("restic does not say how much it stores");
    });
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}
