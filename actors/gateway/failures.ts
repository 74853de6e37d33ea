/** The failures that gateway itself declares. Together with those of the actors below they are all that HTTP can say. */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import type { BadSignature, NameMalformed } from "#actors/domain/name-record.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import type { BodyFailure } from "#runtime/edge/refusal.ts";
import type { SourceStalled } from "#runtime/edge/watched-source.ts";
import type { Failure } from "#runtime/errors.ts";
import type { FailureOf } from "#runtime/protocol.ts";

/** Not `b3:` and 64 lower-case hex digits. Final. */
export type BadAddress = Failure<"gateway.bad-address">;

/** No such path. Final. */
export type NoRoute = Failure<"gateway.no-route">;

/** The path exists; `allow` are its methods. Final. */
export interface MethodNotAllowed extends Failure<"gateway.method-not-allowed"> {
  readonly allow: string;
}

/** The request names no host, or more than one cannot be told from none. Final. */
export type HostMissing = Failure<"gateway.host-missing">;

/** The `Host` field names somebody else: a page of another name may be behind it. Allow the name in the config. */
export type HostRefused = Failure<"gateway.host-refused">;

/** A page of another origin asked for a write. Final. */
export type OriginRefused = Failure<"gateway.origin-refused">;

/** A write of a part, which would be taken for the whole (RFC 9110 §14.5). Send the whole, without `Content-Range`. */
export type PartialPut = Failure<"gateway.partial-put">;

/** `Cepa-Chunker` names none that there is. Final. */
export interface BadChunker extends Failure<"gateway.bad-chunker"> {
  readonly known: string;
}

/** `Cepa-Enc` is no name of a format, or the put has an address, or another chunker than `fixed/1`. Final. */
export type BadEnc = Failure<"gateway.bad-enc">;

/** `Cepa-Keep` is no count of seconds, or one that is too long. Final. */
export interface BadKeep extends Failure<"gateway.bad-keep"> {
  readonly secondsMax: number;
}

/** `action` does not say what repair is to do. Final. */
export interface BadAction extends Failure<"gateway.bad-action"> {
  readonly known: string;
}

/** `forget` does not name one volume. Final. */
export type VolumeMissing = Failure<"gateway.volume-missing">;

/** `Cepa-Kind` names none that there is, or comes with `Cepa-Enc`. Final. */
export type BadKind = Failure<"gateway.bad-kind">;

/** `Accept` takes nothing but a CAR of a form that is not made here. Final. */
export type NotAcceptable = Failure<"gateway.not-acceptable">;

/** `Repr-Digest` or `Content-Digest` is no dictionary of digests, or one of them is not as long as its algorithm's. Final. */
export interface BadDigest extends Failure<"gateway.bad-digest"> {
  readonly field: string;
}

/** The body is not what its digest says, in transit or before. Nothing was kept. */
export interface DigestMismatch extends Failure<"gateway.digest-mismatch"> {
  readonly algorithm: string;
}

/** `Upload-Checksum` is not `sha1`, `sha256` or `sha512` and a digest of that length. Final. */
export type BadChecksum = Failure<"gateway.bad-checksum">;

/** The body of a piece is not what `Upload-Checksum` says. Nothing of it was kept; send it again. */
export type ChecksumMismatch = Failure<"gateway.checksum-mismatch">;

/** A field of the tus protocol is missing or cannot be read, is of an extension that is not spoken here, or too long. Final. */
export interface BadUpload extends Failure<"gateway.bad-upload"> {
  readonly field: string;
  readonly problem: "unreadable" | "not-spoken" | "too-long";
}

/** The client speaks another version of tus, or does not say which. */
export type TusVersion = Failure<"gateway.tus-version">;

/** A piece of an upload comes as `application/offset+octet-stream`. Final. */
export type NotAPiece = Failure<"gateway.not-a-piece">;

/** `If-Match` or `If-None-Match` asks for what is not so. Final while the object is, or is not, here. */
export type PreconditionFailed = Failure<"gateway.precondition-failed">;

/** More ranges in one request than are answered. Ask for fewer at a time. */
export interface TooManyRanges extends Failure<"gateway.too-many-ranges"> {
  readonly rangesMax: number;
  readonly sizeBytes: number;
}

/** What stands behind `/n/` is no name. Final. */
export type BadName = Failure<"gateway.bad-name">;

/** The record is not one of the name in the path. Final. */
export type NameMismatch = Failure<"gateway.name-mismatch">;

/** Over `objectSizeBytesMax`. Final. */
export interface ObjectOverLimit extends Failure<"gateway.object-too-large"> {
  readonly sizeBytesMax: number;
}

/** As many requests of this kind as the node takes are under way. Retry after a pause. */
export interface GatewayOverloaded extends Failure<"gateway.overloaded"> {
  readonly requestsMax: number;
}

/** The requests under way may already hold all memory that there is for them. Retry after a pause. */
export interface BytesExceeded extends Failure<"gateway.bytes-exceeded"> {
  readonly bytesMax: number;
}

/** This client has as many requests, or as many uploads, under way as one may. Retry when one is over. */
export interface PeerLimit extends Failure<"gateway.peer-limit"> {
  readonly requestsPerPeerMax: number;
}

/** The memory for large bodies did not become free in time. Retry after a pause. */
export type ReservationTimeout = Failure<"gateway.reservation-timeout">;

/** The node is shutting down: no new writes. Retry when it is up again. */
export type Draining = Failure<"gateway.draining">;

/** Nobody who is known to be an administrator has signed this request, or they did before. Final for it as it is. */
export interface NotAdmin extends Failure<"gateway.not-admin"> {
  /** What exactly was wrong: for the log alone. */
  readonly problem: string;
}

/** What administrators ask has no query: it would not be signed. Final. */
export type QueryRefused = Failure<"gateway.query-refused">;

/** Something between has added what it knows of who asks, and nobody here believes it. Final. */
export interface ForwardedRefused extends Failure<"gateway.forwarded-refused"> {
  readonly field: string;
}

/** What an administrator wants is not said, or not so that it can be understood. Final. */
export interface BadOrder extends Failure<"gateway.bad-order"> {
  readonly problem: string;
}

/** Longer than anything that administrators say. Final. */
export interface AdminBodyTooLarge extends Failure<"gateway.admin-body-too-large"> {
  readonly sizeBytesMax: number;
}

/** What only administrators meet. */
export type AdminFailure = NotAdmin | QueryRefused | ForwardedRefused | BadOrder | AdminBodyTooLarge;

export type GatewayFailure =
  | AdminFailure
  | BadAddress
  | NoRoute
  | MethodNotAllowed
  | HostMissing
  | HostRefused
  | OriginRefused
  | PartialPut
  | BadChunker
  | BadKeep
  | BadEnc
  | BadKind
  | BadAction
  | VolumeMissing
  | NotAcceptable
  | BadDigest
  | DigestMismatch
  | BadChecksum
  | ChecksumMismatch
  | BadUpload
  | TusVersion
  | NotAPiece
  | PreconditionFailed
  | TooManyRanges
  | BadName
  | NameMismatch
  | ObjectOverLimit
  | GatewayOverloaded
  | BytesExceeded
  | PeerLimit
  | ReservationTimeout
  | Draining;

/** Everything that can end as an HTTP error. A failure that an actor below adds to its protocol appears here. */
export type HttpFailure =
  | GatewayFailure
  | NameMalformed
  | BadSignature
  | BodyFailure
  | SourceStalled
  | CallFailure
  | FailureOf<OverlayProtocol, keyof OverlayProtocol>
  | FailureOf<AuthProtocol, keyof AuthProtocol>
  | FailureOf<IngestProtocol, keyof IngestProtocol>;
