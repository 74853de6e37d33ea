/** The folder that is kept between runs, for unpacked peers; data directories in it are removed after each. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const CACHE = join(import.meta.dirname, "..", ".cache", "bench");

export function openCache(): string {
  mkdirSync(CACHE, { recursive: true });
  return CACHE;
}
