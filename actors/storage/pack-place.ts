/** Where the packs are, if they are not in the data directory: in a bucket. */
import { type BucketConfig, styleOf } from "#actors/storage/bucket-config.ts";
import type { CellEnv } from "#runtime/actor-module.ts";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import { S3Bucket } from "#runtime/bucket/s3-bucket.ts";
import type { S3Credentials } from "#runtime/bucket/signature.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { assert, fail, must } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Scope } from "#runtime/scope.ts";

/** A disk, which need not be one of this machine, and the directory on it that holds `packs` and `keeps`. */
export interface PackPlace {
  readonly disk: Disk;
  readonly directory: string;
}

/** Undefined if the packs are in the data directory. Throws where the credentials are missing. */
export async function findPackPlace(
  { s3, s3Style, s3Region: region }: BucketConfig,
  { clock, exchanges, processes, random }: Pick<CellEnv, "clock" | "exchanges" | "processes" | "random">,
  scope: Pick<Scope, "add">,
): Promise<PackPlace | undefined> {
  if (s3 === "") return undefined;
  const place = must(parseBucketUrl(s3, styleOf(s3Style)), "the URL of the bucket was checked");
  const credentials = readCredentials(processes.self.env);
  const exchange = await exchanges(place);
  scope.add(() => exchange.close());
  const bucket = new S3Bucket({ place, credentials, region, exchange, clock, random });
  return { disk: new BucketDisk({ bucket, random }), directory: "/" };
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

function readCredentials(env: Readonly<Record<string, string | undefined>>): S3Credentials {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"] ?? "";
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"] ?? "";
  const sessionToken = env["AWS_SESSION_TOKEN"] ?? "";
  const isGiven = accessKeyId !== "" && secretAccessKey !== "";
  assert(isGiven, "storage.s3 comes with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment");
  return { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) };
}
