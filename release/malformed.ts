/** Something in a release that cannot be read, and why: of a file that was changed, cut or is none of ours. */
import { type Failure, fail, type Result } from "#runtime/errors.ts";

/** *Final*: nothing of the file was believed. */
export interface ReleaseMalformed extends Failure<"release.malformed"> {
  readonly what: "lockfile" | "tarball" | "sbom" | "envelope" | "statement" | "checksums" | "signature" | "licence";
  readonly cause: string;
}

export function malformed(what: ReleaseMalformed["what"], cause: string): Result<never, ReleaseMalformed> {
  return fail({ code: "release.malformed", what, cause });
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for what is no JSON object. */
export function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
