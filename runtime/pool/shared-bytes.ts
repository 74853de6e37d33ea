/** What a task that fills bytes in place may be given: a request that a thread can work on, in memory that both see. */
import {
  assertEncode,
  assertReconstruct,
  type EncodeRequest,
  type ReconstructRequest,
} from "#runtime/erasure/reed-solomon.ts";
import { assert } from "#runtime/errors.ts";

/** Called before the request leaves its thread: a defect belongs to who made it, and would end the thread that gets it. */
export function assertEncodeTask(request: EncodeRequest): void {
  assertEncode(request);
  assertShared(request.data);
  assertShared(request.parity);
}

/** See `assertEncodeTask`. */
export function assertReconstructTask(request: ReconstructRequest): void {
  assertReconstruct(request);
  for (const { bytes } of request.sources) assertShared(bytes);
  for (const { bytes } of request.targets) assertShared(bytes);
}

function assertShared(bytes: Uint8Array): void {
  assert(bytes.buffer instanceof SharedArrayBuffer, "what a thread fills in place is in shared memory");
}
