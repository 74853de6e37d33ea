/** Writing: a body on its way to storage, which keeps all of it or nothing. */
import type { Address } from "#actors/domain/address.ts";
import { type Answer, type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import { expectedDigests } from "#actors/gateway/digest-fields.ts";
import { DigestedSource } from "#actors/gateway/digested-source.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { keepMsOf } from "#actors/gateway/holds.ts";
import { LimitedSource } from "#actors/gateway/limited-source.ts";
import { factsOf, optionsOf } from "#actors/gateway/objects.ts";
import { etagOf, isConditional, judge } from "#actors/gateway/preconditions.ts";
import { mannerOf } from "#actors/gateway/put-manner.ts";
import type { PutReceipt } from "#actors/overlay/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";
import { readWhole } from "#runtime/whole-source.ts";

/** A body of so many bytes, and of a length that was said, is taken in before it is put. */
export const SMALL_BODY_BYTES_MAX: number = 64 * KiB;

/**
 * With `expect` the bytes must be the object of that address. `Cepa-Chunker` says how it is cut; `Cepa-Enc` that it is
 * ciphertext, and of which format; `Cepa-Kind` that it is a tree, which is then looked at. 201 when it is new here, 200 when it was
 * known, cut in that way.
 */
export async function putObject(desk: Desk, visit: Visit, expect: Address | undefined): Served {
  const { body, contentLength } = visit.request;
  const manner = mannerOf(visit, expect);
  if (!manner.ok) return manner;
  const source = bodyOf(desk, visit);
  if (!source.ok) return source;
  const condition = expect === undefined ? ok() : await checkConditions(desk, visit, expect);
  if (!condition.ok) return condition;
  const sizeBytes = body === undefined ? 0 : contentLength;
  const taken = await takeIn(visit, source.value, sizeBytes);
  if (!taken.ok) return taken;
  const request = { source: taken.value, sizeBytes, expect, ...manner.value };
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
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  if (contentLength !== undefined && contentLength > objectSizeBytesMax) {
    return fail({ code: "gateway.object-too-large", sizeBytesMax: objectSizeBytesMax });
  }
  const digests = expectedDigests(headers);
  if (!digests.ok) return digests;
  const limited = new LimitedSource(body, objectSizeBytesMax, (bytes) => desk.meters.received(bytes));
  return ok(digests.value.length === 0 ? limited : new DigestedSource(limited, digests.value));
}

/**
 * All of a small body, which then goes on in one piece. Where the client asks before it sends, storage answers: it may have
 * no room.
 */
async function takeIn(
  { request: { headers } }: Visit,
  source: ByteSource,
  sizeBytes: number | undefined,
): Promise<Result<ByteSource | Uint8Array, HttpFailure>> {
  if (sizeBytes === undefined || sizeBytes > SMALL_BODY_BYTES_MAX || headers["expect"] !== undefined) return ok(source);
  const bytes = await readWhole(source, sizeBytes);
  if (bytes !== undefined) return ok(bytes);
  return fail({ code: "storage.source-failed", cause: source.failure ?? { code: "runtime.cancelled" } });
}

function answerTo(desk: Desk, put: Result<PutReceipt, HttpFailure>): Result<Answer, HttpFailure> {
  if (!put.ok) {
    desk.writeGate.failed(put.failure);
    return put;
  }
  desk.writeGate.stored();
  const { address, known, manifest } = put.value;
  const location = address === undefined ? `/m/${manifest}/data` : `/o/${address}`;
  return ok(jsonAnswer(known ? 200 : 201, factsOf(put.value), { Location: location }));
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
