/** Writing: a body on its way to storage, which keeps all of it or nothing. */
import type { Address } from "#actors/domain/address.ts";
import { CHUNK_PROFILES, isChunkerName } from "#actors/domain/chunk-profiles.ts";
import { type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import { LimitedSource } from "#actors/gateway/limited-source.ts";
import { factsOf, optionsOf } from "#actors/gateway/objects.ts";
import { fail, ok } from "#runtime/errors.ts";

/**
 * With `expect` the bytes must be the object of that address. `Cepa-Chunker` says how it is cut. 201 when it is new here,
 * 200 when it was known, cut in that way.
 */
export async function putObject(desk: Desk, visit: Visit, expect: Address | undefined): Served {
  const { body, contentLength, headers } = visit.request;
  const { objectSizeBytesMax } = desk.config.current;
  const sizeBytes = body === undefined ? 0 : contentLength;
  const chunker = headers["cepa-chunker"];
  if (chunker !== undefined && !isChunkerName(chunker)) {
    return fail({ code: "gateway.bad-chunker", known: Object.keys(CHUNK_PROFILES).join(", ") });
  }
  if (headers["content-range"] !== undefined) return fail({ code: "gateway.partial-put" });
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  if (sizeBytes !== undefined && sizeBytes > objectSizeBytesMax) {
    return fail({ code: "gateway.object-too-large", sizeBytesMax: objectSizeBytesMax });
  }

  const source = new LimitedSource(body, objectSizeBytesMax, (bytes) => desk.meters.received(bytes));
  const put = await desk.overlay.call("put", { source, sizeBytes, expect, chunker }, optionsOf(desk, visit));
  if (!put.ok) {
    if (put.failure.code === "storage.full") desk.writeGate.note("full");
    return put;
  }
  desk.writeGate.note("stored");
  const { address, known } = put.value;
  return ok(jsonAnswer(known ? 200 : 201, factsOf(put.value), { Location: `/o/${address}` }));
}
