/** Settings of packs that are in a bucket. They count when a node starts. */
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import { type ConfigSchema, text } from "#runtime/config/schema.ts";
import { unreachable } from "#runtime/errors.ts";

export interface BucketConfig {
  /** `https://host/bucket/prefix`, where the packs are; empty: in the data directory. */
  readonly s3: string;
  /** `path`, or `virtual-host` where the bucket is the first name of the host. */
  readonly s3Style: string;
  /** What the signatures are for. Most servers that are not Amazon's take any. */
  readonly s3Region: string;
}

export const bucketConfigSchema: ConfigSchema<BucketConfig> = {
  s3: text({ default: "", pattern: /^\S{0,1024}$/ }),
  s3Style: text({ default: "path", pattern: /^(path|virtual-host)$/ }),
  s3Region: text({ default: "us-east-1", pattern: /^[a-z0-9-]{1,64}$/ }),
};

/** A sentence about what is wrong with the URL, or with having one. */
export function checkBucketConfig(
  { s3, s3Style }: BucketConfig,
  { amnesia }: { readonly amnesia: boolean },
): string | undefined {
  if (s3 === "") return undefined;
  if (amnesia) return "storage.s3 is not for amnesia mode: what is in a bucket stays when the node ends";
  const parsed = parseBucketUrl(s3, styleOf(s3Style));
  if (parsed.ok) return undefined;
  const { problem } = parsed.failure;
  switch (problem) {
    case "not-a-url":
    case "not-http":
      return "storage.s3 must be a URL that begins with https:// or http://";
    case "has-credentials":
      return "storage.s3 must not hold credentials: they belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    case "has-query":
      return "storage.s3 must end with the prefix, without ? and #";
    case "no-bucket":
      return "storage.s3 must name a bucket, as in https://host/bucket/prefix";
    case "strange-name":
      return "the names in storage.s3 must be of letters, digits and . _ ~ -";
    default:
      return unreachable(problem);
  }
}

/** For what the schema has checked. */
export function styleOf(s3Style: string): "path" | "virtual-host" {
  return s3Style === "path" ? "path" : "virtual-host";
}
