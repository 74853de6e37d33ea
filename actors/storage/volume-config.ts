/** Settings of volumes, on which packs are instead of in the data directory. They count when a node starts. */
import { posix } from "node:path";
import { explainRefusal, parseErasure } from "#actors/domain/erasure-profile.ts";
import { type ConfigSchema, text, texts } from "#runtime/config/schema.ts";
import { MiB } from "#runtime/units.ts";

export interface VolumeConfig {
  /** Directories, absolute, each on a disk of its own; empty: no volumes. */
  readonly volumes: readonly string[];
  /** `none`, `auto`, or data and parity shards like `4+2` (`specs/formats/shards.md`). */
  readonly erasure: string;
}

/** Volumes of a node. */
export const VOLUMES_MAX = 64;

/** Memory of one large upload to volumes: three chunks of the longest kind, and its slabs. */
const UPLOAD_BYTES: number = 16 * MiB;

/** Other settings of storage. */
interface Beside {
  readonly s3?: string;
  readonly writeQuotaBytes?: number;
}

export const volumeConfigSchema: ConfigSchema<VolumeConfig> = {
  volumes: texts({ default: [], pattern: /[^\0\r\n]+/ }),
  erasure: text({ default: "auto", pattern: /\S{1,16}/ }),
};

/** A sentence about what is wrong. `s3` is the setting of the same name: volumes and a bucket exclude each other. */
export function checkVolumeConfig(
  { volumes, erasure, s3 = "", writeQuotaBytes = UPLOAD_BYTES }: VolumeConfig & Beside,
  { amnesia }: { readonly amnesia: boolean },
): string | undefined {
  if (volumes.length > 0 && amnesia) {
    return "storage.volumes is not for amnesia mode: what is on a volume stays when the node ends";
  }
  if (volumes.length > 0 && writeQuotaBytes < UPLOAD_BYTES) {
    return `storage.writeQuotaBytes must be at least ${UPLOAD_BYTES} with storage.volumes: one upload needs as much`;
  }
  if (volumes.length > 0 && s3 !== "")
    return "storage.volumes and storage.s3 exclude each other: packs are in one of them";
  return problemWithPaths(volumes) ?? problemWithErasure(erasure, volumes.length);
}

/** As it is compared and used: without `.`, `..`, double slashes, or one at the end. */
export function normalVolumePath(path: string): string {
  const normal = posix.normalize(path);
  return normal === "/" ? normal : normal.replace(/\/$/, "");
}

function problemWithPaths(volumes: readonly string[]): string | undefined {
  if (volumes.length > VOLUMES_MAX) {
    return `storage.volumes names ${volumes.length} directories, at most ${VOLUMES_MAX} are allowed`;
  }
  const relative = volumes.find((path) => !path.startsWith("/"));
  if (relative !== undefined) return `storage.volumes must have absolute paths, and ${relative} is not one`;
  const paths = volumes.map(normalVolumePath);
  for (const [index, path] of paths.entries()) {
    if (paths.indexOf(path) < index) return `storage.volumes names ${path} twice`;
    const outer = paths.find((other) => path !== other && path.startsWith(other === "/" ? other : `${other}/`));
    if (outer !== undefined)
      return `storage.volumes has ${path} inside ${outer}: volumes must not share a disk's directory`;
  }
  return undefined;
}

function problemWithErasure(erasure: string, volumeCount: number): string | undefined {
  const setting = parseErasure(erasure);
  if (!setting.ok) return explainRefusal(setting.failure);
  if (typeof setting.value === "string" || volumeCount > setting.value.parityShards) return undefined;
  const { parityShards } = setting.value;
  return `storage.erasure "${erasure}" survives ${parityShards} lost volumes and so needs more than ${parityShards}, and storage.volumes names ${volumeCount}`;
}
