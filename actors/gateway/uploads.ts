/** Writing: a body on its way to storage, which keeps all of it or nothing. */
import type { Address } from "#actors/domain/address.ts";
import { CHUNK_PROFILES, type ChunkerName, isChunkerName } from "#actors/domain/chunk-profiles.ts";
import { type Answer, type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import { expectedDigests } from "#actors/gateway/digest-fields.ts";
import { DigestedSource } from "#actors/gateway/digested-source.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { keepMsOf } from "#actors/gateway/holds.ts";
import { LimitedSource } from "#actors/gateway/limited-source.ts";
import { factsOf, optionsOf } from "#actors/gateway/objects.ts";
import { etagOf, isConditional, judge } from "#actors/gateway/preconditions.ts";
import type { PutReceipt } from "#actors/overlay/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** What is said of ciphertext in public: the name of its format. */
const ENC_NAME = /^[a-z0-9][a-z0-9./-]{0,63}$/;
/** Ciphertext shares no part with anything, and cuts that follow the content would say something of it. */
const encChunker: ChunkerName = "fixed/1";

/**
 * With `expect` the bytes must be the object of that address. `Cepa-Chunker` says how it is cut; `Cepa-Enc` that it is
 * ciphertext, and of which format; `Cepa-Kind` that it is a tree, which is then looked at. 201 when it is new here, 200 when it was known, cut in that way.
 */
export async function putObject(desk: Desk, visit: Visit, expect: Address | undefined): Served {
  const { body, contentLength, headers } = visit.request;
  const chunker = headers["cepa-chunker"];
  if (chunker !== undefined && !isChunkerName(chunker)) {
    return fail({ code: "gateway.bad-chunker", known: Object.keys(CHUNK_PROFILES).join(", ") });
  }
  const format = headers["cepa-enc"];
  if (format !== undefined && !isEncrypted(format, expect, chunker)) return fail({ code: "gateway.bad-enc" });
  const keepMs = keepMsOf(visit);
  if (!keepMs.ok) return keepMs;
  const said = headers["cepa-kind"];
  if (said !== undefined && (said !== "tree" || format !== undefined)) return fail({ code: "gateway.bad-kind" });
  const kind = said === undefined ? undefined : ("tree" as const);
  const source = bodyOf(desk, visit);
  if (!source.ok) return source;
  const condition = expect === undefined ? ok() : await checkConditions(desk, visit, expect);
  if (!condition.ok) return condition;
  const sizeBytes = body === undefined ? 0 : contentLength;
  const how = format === undefined ? { expect, chunker, kind } : { chunker: encChunker, enc: { format } };
  const request = { source: source.value, sizeBytes, keepMs: keepMs.value, ...how };
  return answerTo(desk, await desk.overlay.call("put", request, optionsOf(desk, visit)));
}

/** The object that the root of a CAR names, answered like any other put. The CAR's own size counts as the object's. */
export async function putCar(desk: Desk, visit: Visit): Served {
  const keepMs = keepMsOf(visit);
  if (!keepMs.ok) return keepMs;
  const source = bodyOf(desk, visit);
  if (!source.ok) return source;
  return answerTo(
    desk,
    await desk.overlay.call("putCar", { source: source.value, keepMs: keepMs.value }, optionsOf(desk, visit)),
  );
}

/** The body, if it may be taken in at all. */
function bodyOf(desk: Desk, { request: { body, contentLength, headers } }: Visit): Result<ByteSource, HttpFailure> {
  const { objectSizeBytesMax } = desk.config.current;
  if (headers["content-range"] !== undefined) return fail({ code: "gateway.partial-put" });
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  if (contentLength !== undefined && contentLength > objectSizeBytesMax) {
    return fail({ code: "gateway.object-too-large", sizeBytesMax: objectSizeBytesMax });
  }
  const digests = expectedDigests(headers);
  if (!digests.ok) return digests;
  const limited = new LimitedSource(body, objectSizeBytesMax, (bytes) => desk.meters.received(bytes));
  return ok(digests.value.length === 0 ? limited : new DigestedSource(limited, digests.value));
}

function answerTo(desk: Desk, put: Result<PutReceipt, HttpFailure>): Result<Answer, HttpFailure> {
  if (!put.ok) {
    if (put.failure.code === "storage.full" || put.failure.code === "storage.limit-reached")
      desk.writeGate.note("full");
    return put;
  }
  desk.writeGate.note("stored");
  const { address, known, manifest } = put.value;
  const location = address === undefined ? `/m/${manifest}/data` : `/o/${address}`;
  return ok(jsonAnswer(known ? 200 : 201, factsOf(put.value), { Location: location }));
}

function isEncrypted(format: string, expect: Address | undefined, chunker: ChunkerName = encChunker): boolean {
  return ENC_NAME.test(format) && expect === undefined && chunker === encChunker;
}

/** Whether the object may be put as far as `If-Match` and `If-None-Match` go: what they ask is whether it is here. */
async function checkConditions(desk: Desk, visit: Visit, address: Address): Promise<Result<void, HttpFailure>> {
  const { headers } = visit.request;
  if (!isConditional(headers)) return ok();
  const stat = await desk.overlay.call("stat", { address }, optionsOf(desk, visit));
  if (!stat.ok && stat.failure.code !== "overlay.unknown") return stat;
  const isMet = judge(headers, stat.ok ? etagOf(address) : undefined) === "go-on";
  return isMet ? ok() : fail({ code: "gateway.precondition-failed" });
}
