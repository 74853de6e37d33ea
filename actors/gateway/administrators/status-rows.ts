/** What failures are in HTTP that only administrators meet, a part of `status-table.ts`. */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import type { AdminFailure } from "#actors/gateway/failures.ts";
import { final, later, type RowsOf } from "#actors/gateway/status-row.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { FailureOf } from "#runtime/protocol.ts";

type FailureBelow = FailureOf<AuthProtocol, keyof AuthProtocol> | FailureOf<IngestProtocol, keyof IngestProtocol>;

const NOT_DECIDED = "Nothing was changed: ask again.";
const MAYBE_DECIDED = "It may have been decided: look, then ask again.";

export const adminRows: RowsOf<AdminFailure | FailureBelow> = {
  "gateway.not-admin": {
    status: 401,
    retryable: false,
    message: () => "This is no request of an administrator.",
    headers: () => ({ "WWW-Authenticate": 'Admin-Signature realm="cepa"' }),
  },
  "gateway.query-refused": final(400, "What is asked here has no query: it would not be signed."),
  "gateway.forwarded-refused": {
    status: 400,
    retryable: false,
    message: ({ field }) => `Administrators ask directly: the field ${field} is not taken.`,
  },
  "gateway.bad-order": {
    status: 400,
    retryable: false,
    message: ({ problem }) => `The body does not say what is wanted: ${problem}. Nothing was changed.`,
  },
  "gateway.admin-body-too-large": {
    status: 413,
    retryable: false,
    message: ({ sizeBytesMax }) => `A body has at most ${sizeBytesMax} bytes here. Nothing was changed.`,
  },
  "auth.unavailable": {
    ...later,
    message: ({ server, executed }) =>
      `What auth works with cannot be asked now: ${server}. ${executed === "no" ? NOT_DECIDED : MAYBE_DECIDED}`,
  },
  "auth.key-unknown": final(404, "There is no such key, or it is another producer's. Nothing was changed."),
  "auth.token-unknown": final(
    404,
    "No token of this name is known. Nothing was revoked: look at the name, or send the token itself.",
  ),
  "auth.key-decided": final(
    409,
    "The key does not wait for a review: it was denied, or has made room for another. Nothing was changed.",
  ),
  "auth.key-rotates": final(
    409,
    "The key is a further one of its producer. Nothing was changed: look at it, and name the producer with producer_id.",
  ),
  "ingest.unavailable": {
    ...later,
    message: ({ cause }) => `What ingest works with cannot be asked now: ${cause}. It may be asked again.`,
  },
  "ingest.producer-unknown": final(404, "There is no such producer. Nothing was changed."),
  "ingest.subject-unknown": final(404, "There is no such subject. Nothing was changed."),
  "ingest.event-unknown": final(404, "No event of this id was committed. It may be on its way, or a dead letter."),
  "ingest.event-too-long": {
    status: 422,
    retryable: false,
    message: ({ sizeBytes }) => `Its payload takes ${sizeBytes} bytes as the database writes it. Ask Postgres for it.`,
  },
  "ingest.dead-letter-unknown": final(
    404,
    "There is no such dead letter: it was redriven or dropped, or made room for newer ones.",
  ),
};
