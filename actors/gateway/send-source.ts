/** From a source to an answer: small bodies whole in memory, large ones through one reservation. */
import { HEAP_BODY_BYTES_MAX } from "#actors/gateway/admission.ts";
import type { Answer, Desk, Served, Visit } from "#actors/gateway/desk.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { isHttpFailure } from "#actors/gateway/status-table.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { WatchedSource } from "#runtime/edge/watched-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { readWhole } from "#runtime/whole-source.ts";

type Head = Pick<Answer, "status" | "headers">;

/** `lengthBytes` of `bytes` under `head`. A failure before the first byte is sent still has a status. */
export async function sendSource(desk: Desk, visit: Visit, head: Head, bytes: ByteSource, lengthBytes: number): Served {
  const source = new WatchedSource(bytes, desk.clock, desk.config.current.callTimeoutMs);
  const isLarge = lengthBytes > HEAP_BODY_BYTES_MAX;
  visit.admitted.shrinkTo(isLarge ? 0 : lengthBytes);
  if (isLarge) return await streamed(desk, visit, head, source, lengthBytes);
  const body = await readWhole(source, lengthBytes);
  return body?.length === lengthBytes ? ok({ ...head, body }) : broken(source);
}

/** `body` under `head`: what somebody else holds in memory. */
export function sendWhole(visit: Visit, head: Head, body: Uint8Array): Result<Answer, never> {
  visit.admitted.shrinkTo(body.length);
  return ok({ ...head, body });
}

/** All the memory it will hold is reserved first; a failure before the first byte still has a status. */
async function streamed(
  { reservations, clock, config }: Desk,
  { within }: Visit,
  head: Head,
  source: ByteSource,
  lengthBytes: number,
): Served {
  const waitMs = config.current.reservationWaitMs;
  const { signal, trace } = within;
  const patience = { signal, trace, deadlineMs: Math.min(within.deadlineMs, clock.nowMs() + waitMs) };
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
  const buffer = lease.bytes;
  const primedBytes = await source.read(buffer);
  if (primedBytes <= 0) {
    release();
    return broken(source);
  }
  return ok({ ...head, body: { source, lengthBytes, buffer, primedBytes }, release });
}

/** The source failed before a byte was sent, or delivered another count of bytes than it had said. */
function broken(source: ByteSource): Result<never, HttpFailure> {
  const failure = source.failure ?? { code: "edge.length-mismatch" };
  source.cancel(failure);
  return fail(
    isHttpFailure(failure) ? failure : { code: "overlay.unavailable", cause: failure.code, executed: "maybe" },
  );
}
