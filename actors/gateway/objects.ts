/** Reading: objects, manifests and what is known of them. */
import type { Address, Digest } from "#actors/domain/address.ts";
import { HEAP_BODY_BYTES_MAX } from "#actors/gateway/admission.ts";
import { type Answer, type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { ifNoneMatchHolds, ifRangeHolds, parseRange } from "#actors/gateway/range.ts";
import { isHttpFailure } from "#actors/gateway/status-table.ts";
import type { ByteRange, ContentBytes, ContentFacts, PutReceipt } from "#actors/overlay/protocol.ts";
import { type ByteSource, ENDED } from "#runtime/byte-source.ts";
import { WatchedSource } from "#runtime/edge/watched-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { CallOptions } from "#runtime/ref.ts";

/** What an object's bytes say to a browser: keep me for ever, guess nothing, run nothing. */
export const contentHeaders = {
  "Cache-Control": "public, max-age=31536000, immutable",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox; default-src 'none'",
} as const;

/** Bytes of one kind that can be read: by address, or by root. */
interface Readable {
  readonly etag: string;
  get(range: ByteRange | undefined): Promise<Result<ContentBytes, HttpFailure>>;
  stat(): Promise<Result<ContentFacts, HttpFailure>>;
}

export async function readObject(desk: Desk, visit: Visit, address: Address): Served {
  const options = optionsOf(desk, visit);
  return await readContent(desk, visit, {
    etag: `"${address}"`,
    get: (range) => desk.overlay.call("get", { address, range }, options),
    stat: () => desk.overlay.call("stat", { address }, options),
  });
}

/** The bytes that a manifest describes: the only way to ciphertext. */
export async function readByRoot(desk: Desk, visit: Visit, root: Digest): Served {
  const options = optionsOf(desk, visit);
  return await readContent(desk, visit, {
    etag: `"b3:${root}"`,
    get: (range) => desk.overlay.call("getByRoot", { root, range }, options),
    stat: () => desk.overlay.call("statByRoot", { root }, options),
  });
}

async function readContent(desk: Desk, visit: Visit, readable: Readable): Served {
  const { method, headers } = visit.request;
  const { etag } = readable;
  const isKnown = ifNoneMatchHolds(headers["if-none-match"], etag);
  if (method === "HEAD" || isKnown) return await describeContent(readable, isKnown);

  const range = ifRangeHolds(headers["if-range"], etag) ? parseRange(headers["range"]) : undefined;
  const got = await readable.get(range);
  if (!got.ok) return got;
  const isPart = range !== undefined;
  const head = { status: isPart ? 206 : 200, headers: headersOf(etag, isPart ? got.value : undefined) };
  return await sendBytes(desk, visit, head, got.value);
}

/** What an actor below hands out, whole in memory where it is small. */
export async function sendBytes(
  desk: Desk,
  visit: Visit,
  head: Pick<Answer, "status" | "headers">,
  bytes: { readonly source: ByteSource; readonly lengthBytes: number },
): Served {
  const { lengthBytes } = bytes;
  const source = new WatchedSource(bytes.source, desk.clock, desk.config.current.callTimeoutMs);
  const isLarge = lengthBytes > HEAP_BODY_BYTES_MAX;
  visit.admitted.shrinkTo(isLarge ? 0 : lengthBytes);
  if (isLarge) return await streamed(desk, visit, head, source, lengthBytes);
  const body = await readWhole(source, lengthBytes);
  return body.ok ? ok({ ...head, body: body.value }) : body;
}

/** HEAD and `If-None-Match`: what is known, without the bytes. A range is defined for GET alone (RFC 9110 §14.2). */
async function describeContent(readable: Readable, isKnown: boolean): Served {
  const stat = await readable.stat();
  if (!stat.ok) return stat;
  const headers = headersOf(readable.etag, undefined);
  if (isKnown) return ok({ status: 304, headers, body: undefined });
  return ok({ status: 200, headers, body: undefined, lengthBytes: stat.value.sizeBytes });
}

export async function readManifest(desk: Desk, visit: Visit, root: Digest): Served {
  const headers = {
    ...contentHeaders,
    ETag: `"b3:${root}"`,
    "Content-Type": "application/vnd.ipld.dag-cbor",
    Vary: "Accept",
  };
  const got = await desk.overlay.call("getManifest", { root }, optionsOf(desk, visit));
  if (!got.ok) return got;
  if (ifNoneMatchHolds(visit.request.headers["if-none-match"], headers.ETag)) {
    return ok({ status: 304, headers, body: undefined });
  }
  return ok({ status: 200, headers, body: got.value });
}

export async function statObject(desk: Desk, visit: Visit, address: Address): Served {
  const stat = await desk.overlay.call("stat", { address }, optionsOf(desk, visit));
  return stat.ok ? ok(jsonAnswer(200, factsOf(stat.value))) : stat;
}

/** As JSON says them, to `put` and `stat` alike. Of ciphertext, without an address. */
export function factsOf(facts: Omit<PutReceipt, "known">): Readonly<Record<string, unknown>> {
  const { address, sizeBytes, chunkCount, manifest } = facts;
  return { address, size: sizeBytes, chunks: chunkCount, manifest };
}

/** For calls on behalf of an admitted request, which may wait for room. */
export function optionsOf(desk: Desk, { within }: Visit): CallOptions {
  return { timeoutMs: desk.config.current.callTimeoutMs, within, whenFull: "wait" };
}

/** `part`: what is sent, where it is not all. */
function headersOf(etag: string, part: ContentBytes | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    ...contentHeaders,
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    Vary: "Accept",
    ETag: etag,
  };
  if (part === undefined) return headers;
  const { firstByte, lengthBytes, sizeBytes } = part;
  return { ...headers, "Content-Range": `bytes ${firstByte}-${firstByte + lengthBytes - 1}/${sizeBytes}` };
}

/** All the memory it will hold is reserved first; a failure before the first byte still has a status. */
async function streamed(
  { reservations, clock, config }: Desk,
  { within }: Visit,
  head: Pick<Answer, "status" | "headers">,
  source: ByteSource,
  lengthBytes: number,
): Served {
  const waitMs = config.current.reservationWaitMs;
  const patience = { ...within, deadlineMs: Math.min(within.deadlineMs, clock.nowMs() + waitMs) };
  const reserved = await reservations.reserve(source, HEAP_BODY_BYTES_MAX, patience);
  if (!reserved.ok) {
    source.cancel(reserved.failure);
    return fail({ code: "gateway.reservation-timeout" });
  }

  const lease = reserved.value.lease(HEAP_BODY_BYTES_MAX);
  const release = (): void => {
    lease.release();
    reserved.value.release();
  };
  const half = HEAP_BODY_BYTES_MAX / 2;
  const buffers = [lease.bytes.subarray(0, half), lease.bytes.subarray(half)] as const;
  const primedBytes = await source.read(buffers[0]);
  if (primedBytes <= 0) {
    release();
    return broken(source);
  }
  return ok({ ...head, body: { source, lengthBytes, buffers, primedBytes }, release });
}

async function readWhole(source: ByteSource, lengthBytes: number): Promise<Result<Uint8Array, HttpFailure>> {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  for (let filled = 0; filled < lengthBytes; ) {
    const count = await source.read(bytes.subarray(filled));
    if (count <= 0) return broken(source);
    filled += count;
  }
  // The end is part of the proof: an object is whole only when its source says so.
  if ((await source.read(new Uint8Array(1))) !== ENDED) return broken(source);
  return ok(bytes);
}

/** The source failed before a byte was sent, or delivered another count of bytes than it had said. */
function broken(source: ByteSource): Result<never, HttpFailure> {
  const failure = source.failure ?? { code: "edge.length-mismatch" };
  source.cancel(failure);
  return fail(
    isHttpFailure(failure) ? failure : { code: "overlay.unavailable", cause: failure.code, executed: "maybe" },
  );
}
