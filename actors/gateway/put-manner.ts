/**
 * How a client wants an object to be put: `Cepa-Chunker` says how it is cut, `Cepa-Enc` that it is ciphertext, `Cepa-Keep` how
 * long it is held, `Cepa-Kind` that it is a tree.
 */

import type { Address } from "#actors/domain/address.ts";
import { CHUNK_PROFILES, type ChunkerName, isChunkerName } from "#actors/domain/chunk-profiles.ts";
import type { PutManner } from "#actors/domain/upload.ts";
import type { Visit } from "#actors/gateway/desk.ts";
import type { BadChunker, BadEnc, BadKeep, BadKind } from "#actors/gateway/failures.ts";
import { keepMsOf } from "#actors/gateway/holds.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** What is said of ciphertext in public: the name of its format. */
const ENC_NAME = /^[a-z0-9][a-z0-9./-]{0,63}$/;
/** Ciphertext shares no part with anything, and cuts that follow the content would say something of it. */
const encChunker: ChunkerName = "fixed/1";

/** `expect`: the address that the object must have, which ciphertext has not. */
export function mannerOf(
  visit: Visit,
  expect: Address | undefined,
): Result<PutManner, BadChunker | BadEnc | BadKeep | BadKind> {
  const { headers } = visit.request;
  const chunker = headers["cepa-chunker"];
  if (chunker !== undefined && !isChunkerName(chunker)) {
    return fail({ code: "gateway.bad-chunker", known: Object.keys(CHUNK_PROFILES).join(", ") });
  }
  const format = headers["cepa-enc"];
  const keepMs = keepMsOf(visit);
  if (!keepMs.ok) return keepMs;
  const kind = headers["cepa-kind"];
  if (kind !== undefined && (kind !== "tree" || format !== undefined)) return fail({ code: "gateway.bad-kind" });
  if (format === undefined) return ok({ chunker, kind, keepMs: keepMs.value });
  const isFit = ENC_NAME.test(format) && expect === undefined && (chunker ?? encChunker) === encChunker;
  return isFit ? ok({ chunker: encChunker, enc: { format }, keepMs: keepMs.value }) : fail({ code: "gateway.bad-enc" });
}
