/** Reading: objects, manifests and what is known of them. */
import type { Address, Digest } from "#actors/domain/address.ts";
import { HEAP_BODY_BYTES_MAX } from "#actors/gateway/admission.ts";
import { type Answer, type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { ifNoneMatchHolds, ifRangeHolds, parseRange } from "#actors/gateway/range.ts";
import { isHttpFailure } from "#actors/gateway/status-table.ts";
import type { ObjectBytes, ObjectFacts } from "#actors/overlay/protocol.ts";
import { type ByteSource, ENDED } from "#runtime/byte-source.ts";
import { WatchedSource } from "#runtime/edge/watched-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { CallOptions } from "#runtime/ref.ts";

/** What an object's bytes say to a browser: keep me for ever, guess nothing, run nothing. */
const contentHeaders = {
  "Cache-Control": "public, max-age=31536000, immutable",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox; default-src 'none'",
} as const;

export async function readObject(desk: Desk, visit: Visit, address: Address): Served {
  const { method, headers } = visit.request;
  const etag = etagOf(address);
  const isKnown = ifNoneMatchHolds(headers["if-none-match"], etag);
  if (method === "HEAD" || isKnown) return await describeObject(desk, visit, address, isKnown);

  const range = ifRangeHolds(headers["if-range"], etag) ? parseRange(headers["range"]) : undefined;
  const got = await desk.overlay.call("get", { address, range }, optionsOf(desk, visit));
  if (!got.ok) return got;
  const object = got.value;
  const source = new WatchedSource(object.source, desk.clock, desk.config.current.callTimeoutMs);
  const head = { status: range === undefined ? 200 : 206, headers: objectHeaders(object, range !== undefined) };

  const isLarge = object.lengthBytes > HEAP_BODY_BYTES_MAX;
  visit.admitted.shrinkTo(isLarge ? 0 : object.lengthBytes);
  if (isLarge) return await streamed(desk, visit, head, source, object.lengthBytes);
  const body = await readWhole(source, object.lengthBytes);
  return body.ok ? ok({ ...head, body: body.value }) : body;
}

/** HEAD and `If-None-Match`: what is known, without the bytes. A range is defined for GET alone (RFC 9110 §14.2). */
async function describeObject(desk: Desk, visit: Visit, address: Address, isKnown: boolean): Served {
  const stat = await desk.overlay.call("stat", { address }, optionsOf(desk, visit));
  if (!stat.ok) return stat;
  const headers = objectHeaders(stat.value, false);
  if (isKnown) return ok({ status: 304, headers, body: undefined });
  return ok({ status: 200, headers, body: undefined, lengthBytes: stat.value.sizeBytes });
}

export async function readManifest(desk: Desk, visit: Visit, root: Digest): Served {
  const headers = {
    ...contentHeaders,
    ETag: `"b3:${root}"`,
    "Content-Type": "application/vnd.ipld.dag-cbor",
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

/** As JSON says them, to `put` and `stat` alike. */
export function factsOf({ address, sizeBytes, chunkCount, manifest }: ObjectFacts): Readonly<Record<string, unknown>> {
  return { address, size: sizeBytes, chunks: chunkCount, manifest };
}

/** For calls on behalf of an admitted request, which may wait for room. */
export function optionsOf(desk: Desk, { within }: Visit): CallOptions {
  return { timeoutMs: desk.config.current.callTimeoutMs, within, whenFull: "wait" };
}

function etagOf(address: Address): string {
  return `"${address}"`;
}

function objectHeaders(object: ObjectFacts | ObjectBytes, isPart: boolean): Record<string, string> {
  const headers: Record<string, string> = {
    ...contentHeaders,
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    ETag: etagOf(object.address),
  };
  if (isPart && "firstByte" in object) {
    const { firstByte, lengthBytes, sizeBytes } = object;
    headers["Content-Range"] = `bytes ${firstByte}-${firstByte + lengthBytes - 1}/${sizeBytes}`;
  }
  return headers;
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
