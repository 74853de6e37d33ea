/** Reading: objects, manifests and what is known of them. */
import type { Address, Digest } from "#actors/domain/address.ts";
import { type ByteRange, type Extent, extentOf } from "#actors/domain/byte-range.ts";
import { type Answer, type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import { digestField, wantedAlgorithm } from "#actors/gateway/digest-fields.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { MultipartSource } from "#actors/gateway/multipart.ts";
import { etagOf, ifRangeHolds, judge, type Verdict } from "#actors/gateway/preconditions.ts";
import { coalesce, parseRanges, RANGES_MAX } from "#actors/gateway/range.ts";
import { sendSource, sendWhole } from "#actors/gateway/send-source.ts";
import type { ContentBytes, ContentFacts, PutReceipt } from "#actors/overlay/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { CallOptions } from "#runtime/ref.ts";
import { asSource } from "#runtime/whole-source.ts";

const contentType = "application/octet-stream";

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
    etag: etagOf(address),
    get: (range) => desk.overlay.call("get", { address, range }, options),
    stat: () => desk.overlay.call("stat", { address }, options),
  });
}

/** The bytes that a manifest describes: the only way to ciphertext. */
export async function readByRoot(desk: Desk, visit: Visit, root: Digest): Served {
  const options = optionsOf(desk, visit);
  return await readContent(desk, visit, {
    etag: etagOf(`b3:${root}`),
    get: (range) => desk.overlay.call("getByRoot", { root, range }, options),
    stat: () => desk.overlay.call("statByRoot", { root }, options),
  });
}

async function readContent(desk: Desk, visit: Visit, readable: Readable): Served {
  const { method, headers } = visit.request;
  const { etag } = readable;
  const verdict = judge(headers, etag);
  if (method === "HEAD" || verdict !== "go-on") return await describeContent(readable, verdict);

  const ranges = ifRangeHolds(headers["if-range"], etag) ? parseRanges(headers["range"]) : undefined;
  if (ranges === "too-many" || (ranges !== undefined && ranges.length > 1)) {
    return await readParts(desk, visit, readable, ranges);
  }
  return await readPart(desk, visit, readable, ranges?.[0]);
}

async function readPart(desk: Desk, visit: Visit, readable: Readable, range: ByteRange | undefined): Served {
  const got = await readable.get(range);
  if (!got.ok) return got;
  const { body, lengthBytes } = got.value;
  const isPart = range !== undefined;
  const head = { status: isPart ? 206 : 200, headers: headersOf(readable.etag, isPart ? got.value : undefined) };
  const answer =
    body instanceof Uint8Array ? sendWhole(visit, head, body) : await sendSource(desk, visit, head, body, lengthBytes);
  return answer.ok && !isPart ? ok(withDigest(answer.value, visit)) : answer;
}

/** Several ranges: one body of many parts, or of one where they come to one. The size is asked for to know which. */
async function readParts(
  desk: Desk,
  visit: Visit,
  readable: Readable,
  ranges: readonly ByteRange[] | "too-many",
): Served {
  const stat = await readable.stat();
  if (!stat.ok) return stat;
  const { sizeBytes } = stat.value;
  if (ranges === "too-many") return fail({ code: "gateway.too-many-ranges", rangesMax: RANGES_MAX, sizeBytes });

  const parts = coalesce(ranges.map((range) => extentOf(range, sizeBytes)).filter((extent) => extent !== undefined));
  const [first] = parts;
  if (first === undefined) return fail({ code: "overlay.range-unsatisfiable", sizeBytes });
  if (parts.length === 1) return await readPart(desk, visit, readable, rangeOf(first));

  const body = new MultipartSource({
    parts,
    sizeBytes,
    contentType,
    boundary: desk.random.id(),
    open: async (part) => {
      const got = await readable.get(rangeOf(part));
      return got.ok ? ok(asSource(got.value.body)) : got;
    },
  });
  const opened = await body.openNext();
  if (!opened.ok) return opened;
  const headers = { ...headersOf(readable.etag, undefined), "Content-Type": body.contentType };
  return await sendSource(desk, visit, { status: 206, headers }, body, body.lengthBytes);
}

/** HEAD and conditions that say no: what is known, without the bytes. A range is defined for GET alone (§14.2). */
async function describeContent(readable: Readable, verdict: Verdict): Served {
  const stat = await readable.stat();
  if (!stat.ok) return stat;
  if (verdict === "failed") return fail({ code: "gateway.precondition-failed" });
  const headers = headersOf(readable.etag, undefined);
  if (verdict === "not-modified") return ok({ status: 304, headers, body: undefined });
  return ok({ status: 200, headers, body: undefined, lengthBytes: stat.value.sizeBytes });
}

export async function readManifest(desk: Desk, visit: Visit, root: Digest): Served {
  const headers = {
    ...contentHeaders,
    ETag: etagOf(`b3:${root}`),
    "Content-Type": "application/vnd.ipld.dag-cbor",
    Vary: "Accept",
  };
  const got = await desk.overlay.call("getManifest", { root }, optionsOf(desk, visit));
  if (!got.ok) return got;
  const verdict = judge(visit.request.headers, headers.ETag);
  if (verdict === "failed") return fail({ code: "gateway.precondition-failed" });
  if (verdict === "not-modified") return ok({ status: 304, headers, body: undefined });
  return ok(withDigest({ status: 200, headers, body: got.value }, visit));
}

export async function statObject(desk: Desk, visit: Visit, address: Address): Served {
  const stat = await desk.overlay.call("stat", { address, damageToo: true }, optionsOf(desk, visit));
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
    "Content-Type": contentType,
    "Accept-Ranges": "bytes",
    Vary: "Accept",
    ETag: etag,
  };
  if (part === undefined) return headers;
  const { firstByte, lengthBytes, sizeBytes } = part;
  return { ...headers, "Content-Range": `bytes ${firstByte}-${firstByte + lengthBytes - 1}/${sizeBytes}` };
}

function rangeOf({ firstByte, lengthBytes }: Extent): ByteRange {
  return { first: firstByte, last: firstByte + lengthBytes - 1 };
}

/** Only what is whole in memory, and verified, before its first byte is sent can be vouched for in another algorithm. */
function withDigest(answer: Answer, { request }: Visit): Answer {
  const wanted = wantedAlgorithm(request.headers["want-repr-digest"]);
  if (wanted === undefined || !(answer.body instanceof Uint8Array)) return answer;
  return { ...answer, headers: { ...answer.headers, "Repr-Digest": digestField(wanted, answer.body) } };
}
