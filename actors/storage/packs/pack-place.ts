/** Where the packs are, if they are not in the data directory: in a bucket. */
import { type BucketConfig, styleOf } from "#actors/storage/packs/bucket-config.ts";
import type { CellEnv } from "#runtime/actor-module.ts";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import type { Outage } from "#runtime/bucket/outage.ts";
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import { S3Bucket } from "#runtime/bucket/s3-bucket.ts";
import type { S3Credentials } from "#runtime/bucket/signature.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, fail, must } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Scope } from "#runtime/scope.ts";
import { minute } from "#runtime/units.ts";

/** A disk, which need not be one of this machine, and the directory on it that holds `packs` and `keeps`. */
export interface PackPlace {
  readonly disk: Disk;
  readonly directory: string;
  /** Its URL, for messages. */
  readonly bucket: string;
  /** Of its server. */
  readonly outage: Pick<Outage, "cause" | "over" | "watch">;
}

/** How long a start waits for a server that is away, ms. */
export const BUCKET_WAIT_MS: number = 1 * minute;

/** What a person has to mend before packs can be in a bucket; undefined if nothing is known. The bucket is not asked. */
export function problemWithCredentials(
  { s3 }: Pick<BucketConfig, "s3">,
  { processes }: Pick<CellEnv, "processes">,
): string | undefined {
  if (s3 === "" || readCredentials(processes.self.env) !== undefined) return undefined;
  const names = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  return `there are no credentials for ${s3} (storage.s3): set ${names} in the environment of cepa up`;
}

/** Undefined if the packs are in the data directory. */
export async function findPackPlace(
  { s3, s3Style, s3Region: region }: BucketConfig,
  { clock, exchanges, processes, random }: Pick<CellEnv, "clock" | "exchanges" | "processes" | "random">,
  scope: Pick<Scope, "add">,
): Promise<PackPlace | undefined> {
  if (s3 === "") return undefined;
  const place = must(parseBucketUrl(s3, styleOf(s3Style)), "the URL of the bucket was checked");
  const credentials = readCredentials(processes.self.env);
  assert(credentials !== undefined, "the credentials were looked for");
  const exchange = await exchanges(place);
  scope.add(() => exchange.close());
  const bucket = new S3Bucket({ place, credentials, region, exchange, clock, random });
  const { outage } = bucket;
  scope.add(() => outage.close());
  return { disk: new BucketDisk({ bucket, random }), directory: "/", bucket: s3, outage };
}

/** Threads of a pool read files of this machine by their paths: what is elsewhere is read by the disk that has it. */
export function withoutFiles(cpu: Cpu): Cpu {
  return {
    run: async (name, request, within) => {
      if (name !== "digestFileRange") return await cpu.run(name, request, within);
      return fail({ code: "pool.task-failed", cause: "it is no file of this machine" });
    },
    digest: (bytes) => cpu.digest(bytes),
    hasher: () => cpu.hasher(),
    close: () => cpu.close(),
  };
}

function readCredentials(env: Readonly<Record<string, string | undefined>>): S3Credentials | undefined {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"] ?? "";
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"] ?? "";
  const sessionToken = env["AWS_SESSION_TOKEN"] ?? "";
  if (accessKeyId === "" || secretAccessKey === "") return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) };
}
