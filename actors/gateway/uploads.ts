/** Writing: a body on its way to storage, which keeps all of it or nothing. */
import type { Address } from "#actors/domain/address.ts";
import { CHUNK_PROFILES, type ChunkerName, isChunkerName } from "#actors/domain/chunk-profiles.ts";
import { type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import { keepMsOf } from "#actors/gateway/holds.ts";
import { LimitedSource } from "#actors/gateway/limited-source.ts";
import { factsOf, optionsOf } from "#actors/gateway/objects.ts";
import { fail, ok } from "#runtime/errors.ts";

/** What is said of ciphertext in public: the name of its format. */
const ENC_NAME = /^[a-z0-9][a-z0-9./-]{0,63}$/;
/** Ciphertext shares no part with anything, and cuts that follow the content would say something of it. */
const encChunker: ChunkerName = "fixed/1";

/**
 * With `expect` the bytes must be the object of that address. `Cepa-Chunker` says how it is cut; `Cepa-Enc` that it is
 * ciphertext, and of which format. 201 when it is new here, 200 when it was known, cut in that way.
 */
export async function putObject(desk: Desk, visit: Visit, expect: Address | undefined): Served {
  const { body, contentLength, headers } = visit.request;
  const { objectSizeBytesMax } = desk.config.current;
  const sizeBytes = body === undefined ? 0 : contentLength;
  const chunker = headers["cepa-chunker"];
  if (chunker !== undefined && !isChunkerName(chunker)) {
    return fail({ code: "gateway.bad-chunker", known: Object.keys(CHUNK_PROFILES).join(", ") });
  }
  const format = headers["cepa-enc"];
  if (format !== undefined && !isEncrypted(format, expect, chunker)) return fail({ code: "gateway.bad-enc" });
  const keepMs = keepMsOf(visit);
  if (!keepMs.ok) return keepMs;
  if (headers["content-range"] !== undefined) return fail({ code: "gateway.partial-put" });
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  if (sizeBytes !== undefined && sizeBytes > objectSizeBytesMax) {
    return fail({ code: "gateway.object-too-large", sizeBytesMax: objectSizeBytesMax });
  }

  const source = new LimitedSource(body, objectSizeBytesMax, (bytes) => desk.meters.received(bytes));
  const how = format === undefined ? { expect, chunker } : { chunker: encChunker, enc: { format } };
  const request = { source, sizeBytes, keepMs: keepMs.value, ...how };
  const put = await desk.overlay.call("put", request, optionsOf(desk, visit));
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
