/** The fields of the tus protocol 1.0.0, read and written. */
import { UPLOAD_NOTE_LENGTH_MAX } from "#actors/domain/upload.ts";
import type { ExpectedDigest } from "#actors/gateway/digested-source.ts";
import type { BadChecksum, BadUpload } from "#actors/gateway/failures.ts";
import type { EdgeRequest } from "#runtime/edge/edge.ts";
import type { Refusal } from "#runtime/edge/refusal.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export const TUS_VERSION = "1.0.0";

type Headers = Readonly<Record<string, string | undefined>>;

const CHECKSUM_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const;

const PATH = /^\/uploads(?:\/|$)/;

/** What every answer at a path of tus has. */
export function tusHeaders({ path }: Pick<EdgeRequest, "path">): Record<string, string> {
  return PATH.test(path) ? { "Tus-Resumable": TUS_VERSION } : {};
}

/** Refusals that pass: they say nothing about the upload. */
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 503, 507]);

/**
 * A client that asks where its upload is, and is refused for whatever reason, takes it that the upload is gone, and begins
 * another; only of 423 it knows that this passes. So that is what it is told as long as the answer is not known, unless that
 * does not pass: who begins another is then told in words what is the matter.
 */
export function adaptRefusal({ method, path }: Pick<EdgeRequest, "method" | "path">, refusal: Refusal): Refusal {
  const headers = { ...refusal.headers, ...tusHeaders({ path }) };
  const isQuestion = method === "HEAD" && PATH.test(path) && PASSING.has(refusal.status) && refusal.retryable;
  return { ...refusal, headers, status: isQuestion ? 423 : refusal.status };
}

/** What a client asks for that can only GET and POST. */
export function methodOf({ method, path, headers }: Pick<EdgeRequest, "method" | "path" | "headers">): string {
  return method === "POST" && PATH.test(path) ? (headers["x-http-method-override"] ?? method) : method;
}

/** What the server can do, for whoever asks. */
export function tusAbilities(objectSizeBytesMax: number): Record<string, string> {
  return {
    "Tus-Version": TUS_VERSION,
    "Tus-Extension": "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination",
    "Tus-Max-Size": String(objectSizeBytesMax),
    "Tus-Checksum-Algorithm": Object.keys(CHECKSUM_BYTES).join(","),
  };
}

/** A whole number; undefined where the field is not there. */
export function numberIn(headers: Headers, field: string): Result<number | undefined, BadUpload> {
  const text = headers[field];
  if (text === undefined) return ok(undefined);
  const number = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(number) ? ok(number) : badField(field);
}

/** The length of a new upload; undefined where it is said to come later. One of both is said. */
export function lengthIn(headers: Headers): Result<number | undefined, BadUpload> {
  const deferred = headers["upload-defer-length"];
  if (deferred !== undefined && deferred !== "1") return badField("upload-defer-length");
  // An upload made of others is another extension: its parts must not be taken for objects.
  if (headers["upload-concat"] !== undefined) return badField("upload-concat", "not-spoken");
  const length = numberIn(headers, "upload-length");
  if (length.ok && (length.value === undefined) !== (deferred === "1")) return badField("upload-length");
  return length;
}

/** Keys with or without a value in Base64. They are kept, and given back, as they are. */
export function metadataIn(headers: Headers): Result<string, BadUpload> {
  const metadata = headers["upload-metadata"] ?? "";
  if (metadata === "") return ok(metadata);
  if (metadata.length > UPLOAD_NOTE_LENGTH_MAX) return badField("upload-metadata", "too-long");
  const pairs = metadata.split(",").map((pair) => /^ *([\x21-\x2b\x2d-\x7e]+)(?: [A-Za-z0-9+/]*={0,2})? *$/.exec(pair));
  const keys = new Set(pairs.map((pair) => pair?.[1]));
  const isFit = keys.size === pairs.length && !keys.has(undefined);
  return isFit ? ok(metadata) : badField("upload-metadata");
}

export function checksumIn(headers: Headers): Result<readonly ExpectedDigest[], BadChecksum> {
  const field = headers["upload-checksum"];
  if (field === undefined) return ok([]);
  const [, sha = "", base64 = ""] = /^([a-z0-9]+) ([A-Za-z0-9+/]+={0,2})$/.exec(field.trim()) ?? [];
  const digest = Buffer.from(base64, "base64");
  if (!isChecksum(sha) || digest.length !== CHECKSUM_BYTES[sha]) return fail({ code: "gateway.bad-checksum" });
  return ok([{ sha, digest, mismatch: { code: "gateway.checksum-mismatch" } }]);
}

function isChecksum(name: string): name is keyof typeof CHECKSUM_BYTES {
  return Object.hasOwn(CHECKSUM_BYTES, name);
}

export function badField(field: string, problem: BadUpload["problem"] = "unreadable"): Result<never, BadUpload> {
  return fail({ code: "gateway.bad-upload", field, problem });
}
