/**
 * The one table that says what a failure is in HTTP: status, whether the same request may succeed later, and a sentence.
 *
 * Its type has a row for every failure that can reach gateway, so one that is added below does not compile until
 * somebody has thought about it here. Puts and gets are idempotent, so `executed: "maybe"` is retryable like `"no"`.
 */
import { describeDamage } from "#actors/domain/journal-damage.ts";
import { UPLOAD_NOTE_LENGTH_MAX } from "#actors/domain/upload.ts";
import { adminRows } from "#actors/gateway/administrators/status-rows.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { recordJson } from "#actors/gateway/name-json.ts";
import { final, later, type Row, type RowsOf } from "#actors/gateway/status-row.ts";
import { TUS_VERSION } from "#actors/gateway/tus-fields.ts";
import type { Refusal } from "#runtime/edge/refusal.ts";
import type { Failure } from "#runtime/errors.ts";

const UPLOAD_PROBLEMS = {
  unreadable: "is missing, or cannot be read",
  "not-spoken": "is of an extension that is not spoken here: Tus-Extension names those that are",
  "too-long": `has more than ${UPLOAD_NOTE_LENGTH_MAX} characters`,
} as const;

const table: RowsOf<HttpFailure> = {
  "gateway.bad-address": final(400, "An address is b3: and 64 lower-case hex digits."),
  "gateway.no-route": final(404, "There is nothing at this path."),
  "gateway.method-not-allowed": {
    status: 405,
    retryable: false,
    message: ({ allow }) => `This path takes ${allow}.`,
    headers: ({ allow }) => ({ Allow: allow }),
  },
  "gateway.host-missing": final(400, "The request does not name a host."),
  "gateway.host-refused": final(421, "This node does not answer under that name: see gateway.allowedHosts."),
  "gateway.origin-refused": final(403, "Pages of other origins may not write here."),
  "gateway.partial-put": final(400, "Objects are put whole: Content-Range is not taken. Nothing was kept."),
  "gateway.bad-chunker": {
    status: 400,
    retryable: false,
    message: ({ known }) => `Cepa-Chunker names no chunker. There are ${known}. Nothing was kept.`,
  },
  "gateway.bad-enc": final(
    400,
    "Cepa-Enc is 1 to 64 of a-z, 0-9, dot, hyphen and slash, for a put without an address, cut by fixed/1.",
  ),
  "gateway.bad-keep": {
    status: 400,
    retryable: false,
    message: ({ secondsMax }) => `Cepa-Keep is a count of seconds, 1 to ${secondsMax}. Nothing was kept.`,
  },
  "gateway.bad-kind": final(400, "Cepa-Kind is tree, and not for ciphertext. Nothing was kept."),
  "gateway.bad-action": {
    status: 400,
    retryable: false,
    message: ({ known }) => `Say once what repair is to do: ?action= and one of ${known}. Nothing was changed.`,
  },
  "gateway.volume-missing": final(400, "Say once which volume: ?forget= and its id. Nothing was changed."),
  "gateway.not-acceptable": final(406, "A CAR is made here with version=1, order=dfs and dups=y."),
  "gateway.bad-digest": {
    status: 400,
    retryable: false,
    message: ({ field }) => `The field ${field} cannot be read. Nothing was kept.`,
  },
  "gateway.digest-mismatch": {
    status: 422,
    retryable: false,
    message: ({ algorithm }) => `The bytes that came have another ${algorithm}. Nothing was kept.`,
  },
  "gateway.bad-checksum": final(400, "Upload-Checksum is sha1, sha256 or sha512, a space and the digest in Base64."),
  // The status that the tus protocol has made for this.
  "gateway.checksum-mismatch": final(460, "The bytes that came have another checksum. Nothing of them was kept."),
  "gateway.bad-upload": {
    status: 400,
    retryable: false,
    message: ({ field, problem }) => `The field ${field} ${UPLOAD_PROBLEMS[problem]}.`,
  },
  "gateway.tus-version": {
    status: 412,
    retryable: false,
    message: () => `Tus-Resumable names no version that is spoken here: ${TUS_VERSION} is.`,
    headers: () => ({ "Tus-Version": TUS_VERSION }),
  },
  "gateway.not-a-piece": final(415, "A piece of an upload has the Content-Type application/offset+octet-stream."),
  "gateway.precondition-failed": final(412, "If-Match or If-None-Match does not hold."),
  "gateway.too-many-ranges": {
    status: 416,
    retryable: false,
    message: ({ rangesMax }) => `At most ${rangesMax} ranges are answered at a time.`,
    headers: contentRange,
  },
  "gateway.bad-name": final(
    400,
    "A name is 64 lower-case hex digits, a slash, and at most 64 of a-z, 0-9 and, between them, '.', '_' and '-'.",
  ),
  "gateway.name-mismatch": final(422, "The record is one of another name. Nothing was kept."),
  "gateway.object-too-large": {
    status: 413,
    retryable: false,
    message: ({ sizeBytesMax }) => `An object has at most ${sizeBytesMax} bytes here.`,
  },
  "gateway.overloaded": {
    ...later,
    message: ({ requestsMax }) => `The node has ${requestsMax} requests of this kind under way, its limit.`,
  },
  "gateway.bytes-exceeded": {
    status: 429,
    retryable: true,
    message: ({ bytesMax }) => `The requests under way may already hold ${bytesMax} bytes of memory, the limit.`,
  },
  "gateway.peer-limit": {
    status: 429,
    retryable: true,
    message: ({ requestsPerPeerMax }) =>
      `This client has ${requestsPerPeerMax} requests of this kind under way, the limit.`,
  },
  "gateway.reservation-timeout": { ...later, message: () => "No buffer became free in time." },
  ...adminRows,
  "gateway.draining": { ...later, message: () => "The node is shutting down." },

  "gateway.read-idle": {
    status: 408,
    retryable: true,
    message: ({ readIdleMs }) => `Nothing of the body came for ${readIdleMs} ms. No object was kept.`,
  },
  "gateway.upload-too-slow": {
    status: 408,
    retryable: true,
    message: ({ bytesPerSecond, bytesPerSecondMin }) =>
      `The body came at ${bytesPerSecond} bytes a second, the least is ${bytesPerSecondMin}. No object was kept.`,
  },
  "gateway.body-truncated": { status: 400, retryable: true, message: () => "The body broke off. No object was kept." },
  "gateway.body-malformed": final(400, "The body's chunked framing is broken. No object was kept."),
  "edge.source-stalled": { ...later, message: ({ idleMs }) => `The bytes did not come within ${idleMs} ms.` },

  "overlay.unknown": final(404, "No object with this address is held here."),
  "overlay.not-a-root": final(404, "This is a node inside a manifest. Only its root has data."),
  "overlay.range-unsatisfiable": {
    status: 416,
    retryable: false,
    message: ({ sizeBytes }) => `The range lies outside the object of ${sizeBytes} bytes.`,
    headers: contentRange,
  },
  "overlay.car-refused": {
    status: 400,
    retryable: false,
    message: ({ problem, atByte }) =>
      `This is no CAR that is taken here: ${problem} at byte ${atByte}. Nothing was kept.`,
  },
  "overlay.unavailable": { ...later, message: ({ cause }) => `A part of the node did not answer: ${cause}.` },
  "overlay.target-unknown": {
    status: 422,
    retryable: false,
    message: ({ value }) => `The name would lead to ${value}, which is not held here. Put it first.`,
  },
  "overlay.name-expired": {
    status: 410,
    retryable: false,
    message: () => "The owner of the name let it expire.",
    details: ({ record }) => ({ record: recordJson(record) }),
  },
  "name.malformed": {
    status: 400,
    retryable: false,
    message: ({ reason }) => `This is no record of a name: ${reason}. Nothing was kept.`,
  },
  "name.bad-signature": final(422, "The record is not signed by the owner of the name. Nothing was kept."),
  "index.name-unknown": final(404, "Nothing is known of this name here."),
  "index.name-conflict": {
    status: 409,
    retryable: false,
    message: ({ current }) =>
      current === undefined
        ? "The name has no record yet: the first one has seq 1. Nothing was kept."
        : `The record does not follow on the current one, whose seq is ${current.seq}. Nothing was kept.`,
    details: ({ current }) => ({ current: current === undefined ? null : recordJson(current) }),
  },
  "index.name-frozen": {
    status: 409,
    retryable: false,
    message: ({ evidence: [{ seq }] }) =>
      `The owner signed two different records with seq ${seq}: nobody can say where the name leads.`,
    details: ({ evidence }) => ({ evidence: evidence.map(recordJson) }),
  },
  "index.names-full": {
    status: 507,
    retryable: false,
    message: ({ namesMax }) => `There are ${namesMax} names, the limit. Nothing was kept.`,
  },
  "index.names-unavailable": {
    ...later,
    message: ({ cause, executed }) =>
      executed === "no"
        ? `The journal of names cannot be used: ${cause}. Nothing was kept.`
        : `The journal of names failed: ${cause}. Whether the name is set is open: set the same record again.`,
  },
  "index.rebuilding": {
    ...later,
    message: ({ doneCount, totalCount }) =>
      `The index is being rebuilt: ${doneCount} of ${totalCount} are known again.`,
  },
  "storage.rebuilding": {
    ...later,
    message: ({ doneBytes, totalBytes }) =>
      totalBytes === 0
        ? "The catalog is being compared with the packs."
        : `The packs are being looked through: ${doneBytes} of ${totalBytes} bytes are read.`,
  },
  "storage.full": {
    status: 507,
    retryable: true,
    message: ({ freeBytes, reserveBytes }) =>
      `The disk is full: ${freeBytes} bytes free, ${reserveBytes} kept back. Make room on it, or remove objects (rm, gc --empty-trash).`,
  },
  "storage.limit-reached": {
    status: 507,
    retryable: true,
    message: ({ usedBytes, storedBytesMax, packCount, packsMax }) =>
      `The store holds what it may: ${usedBytes} of ${storedBytesMax === 0 ? "any count of" : storedBytesMax} bytes, ${packCount} of ${packsMax} packs.`,
  },
  "storage.too-many-chunks": {
    status: 413,
    retryable: false,
    message: ({ chunker, chunksMax }) =>
      `Cut by ${chunker} the object has more than ${chunksMax} chunks. Nothing was kept. Put it with a coarser chunker.`,
  },
  "storage.object-too-large": {
    status: 413,
    retryable: false,
    message: ({ sizeBytesMax }) => `An object has at most ${sizeBytesMax} bytes here.`,
  },
  "storage.address-mismatch": {
    status: 422,
    retryable: false,
    message: ({ actual }) => `These bytes are the object ${actual}. Nothing was kept.`,
  },
  "storage.tree-refused": {
    status: 422,
    retryable: false,
    message: ({ problem, name }) =>
      name === undefined
        ? `This is no tree that is kept here: ${problem}. Nothing was kept.`
        : `The tree names ${JSON.stringify(name)}, of which the object is not stored here. Nothing was kept.`,
  },
  "storage.source-failed": {
    status: 400,
    retryable: true,
    message: ({ cause }) => `The body failed before its end: ${cause.code}. No object was kept.`,
  },
  "storage.write-failed": {
    ...later,
    message: ({ errno }) => `${notWritten(errno)} Nothing was acknowledged.`,
  },
  "storage.journal-damaged": {
    status: 503,
    retryable: false,
    message: (damage) => `The journal ${describeDamage(damage)}.`,
  },
  "storage.uploads-full": {
    status: 429,
    retryable: true,
    message: ({ uploadsMax, stagingBytesMax }) =>
      `There are ${uploadsMax} uploads begun, or ${stagingBytesMax} bytes promised: storage.uploadsMax and ` +
      "storage.stagingBytesMax. Those to which nothing has come give way five minutes after they were begun.",
  },
  "storage.upload-unknown": final(404, "There is no such upload, or not any more. Begin another."),
  "storage.upload-busy": { status: 423, retryable: true, message: () => "Another request adds to this upload." },
  "storage.upload-conflict": {
    status: 409,
    retryable: false,
    message: ({ offsetBytes }) => `The upload is at ${offsetBytes}.`,
    headers: ({ offsetBytes }) => ({ "Upload-Offset": String(offsetBytes) }),
  },
  "storage.upload-size-set": {
    status: 400,
    retryable: false,
    message: ({ sizeBytes }) => `The upload was said to have ${sizeBytes} bytes, or has as many.`,
  },
  "storage.upload-overrun": {
    status: 413,
    retryable: false,
    message: ({ sizeBytes }) => `The upload was said to have ${sizeBytes} bytes, and here are more.`,
  },
  "storage.upload-damaged": final(410, "What the disk holds of the upload is damaged, and was dropped. Begin another."),
  "storage.manifest-not-found": final(404, "No such manifest is held here."),
  "storage.not-in-trash": final(404, "It is not in the trash."),
  "storage.keeps-full": {
    status: 507,
    retryable: true,
    message: ({ keepsMax }) => `Pins and removals of ${keepsMax} objects are remembered, the limit. Collect garbage.`,
  },
  "storage.volume-unknown": final(404, "The store has no such volume. Its volumes, with their ids: cepa volumes"),
  "storage.volume-in-use": final(
    409,
    "The volume is in use. Take its directory out of storage.volumes and start the node anew first.",
  ),
  "storage.volume-needed": {
    status: 409,
    retryable: true,
    message: ({ backlogCount, isKnown, lostCount }) => {
      if (!isKnown) return "Nobody knows what is on that volume. Mount it and name it in storage.volumes.";
      return lostCount > 0
        ? `Of ${lostCount} chunks or manifests too little is left without that volume. Mount it and name it in storage.volumes.`
        : `Repair has ${backlogCount} chunks or manifests still to do, or to look for: cepa repair --watch. Then try again.`;
    },
  },
  "storage.read-failed": {
    ...later,
    message: ({ errno }) =>
      errno === "ENODEV"
        ? "Too many of the volumes that hold the bytes are away: cepa volumes names them."
        : `The disk did not let the bytes be read: ${errno}. They are not held to be damaged.`,
  },
  "storage.corrupt": {
    status: 502,
    retryable: false,
    message: ({ errno }) => {
      if (errno === undefined) return "The bytes on disk are damaged. Putting the object again heals it.";
      return errno === "ENOENT" || errno === "ENODATA"
        ? `The pack that has the bytes is gone, or was cut: ${errno}. Put it back, or the object again.`
        : `The disk refuses the bytes: ${errno}. Putting the object again heals it.`;
    },
  },

  "runtime.mailbox-full": { ...later, message: ({ actor }) => `${actor} has as much to do as it takes on.` },
  "runtime.expired": { ...later, message: ({ actor }) => `${actor} did not begin in time.` },
  "runtime.call-timeout": { ...later, message: ({ actor }) => `${actor} did not answer in time.` },
  "runtime.actor-stopped": { ...later, message: ({ actor }) => `${actor} is not running.` },
  "runtime.unknown-message": final(500, "The node asked one of its parts for what that does not know."),
  "runtime.actor-crashed": { ...later, message: ({ actor }) => `${actor} crashed while it handled the request.` },
  "runtime.poison": final(500, "The request brought down those who handled it, again and again."),
  "runtime.cancelled": { ...later, message: ({ actor }) => `The request to ${actor} was given up.` },
  "runtime.not-connected": { ...later, message: ({ actor }) => `There is no link to ${actor}.` },
  "runtime.unsendable": { ...later, message: ({ actor, reason }) => `No link carries this to ${actor}: ${reason}.` },
  "runtime.link-lost": { ...later, message: ({ actor }) => `The link to ${actor} broke.` },
};

/** Every code that gateway can answer with, beside the edge's own. */
export const httpFailureCodes: readonly string[] = Object.keys(table);

/** What `failure` is in HTTP. A failed source that says why is answered with its reason. */
export function refusalOf(failure: HttpFailure): Refusal {
  if (failure.code === "storage.source-failed" && isHttpFailure(failure.cause)) return refusalOf(failure.cause);
  // The compiler cannot see that the row found under a failure's code takes that failure.
  const { status, retryable, message, headers, details } = table[failure.code] as Row<HttpFailure>;
  return {
    status,
    code: failure.code,
    message: message(failure),
    retryable,
    headers: headers?.(failure),
    details: details?.(failure),
  };
}

/** Failures of sources come from anywhere; those that have a row are answered by it. */
export function isHttpFailure(failure: Failure): failure is HttpFailure {
  return Object.hasOwn(table, failure.code);
}

/** What a range that cannot be answered could have been a part of. */
function contentRange({ sizeBytes }: { readonly sizeBytes: number }): Record<string, string> {
  return { "Content-Range": `bytes */${sizeBytes}` };
}

function notWritten(errno: string): string {
  if (errno === "ENODEV") return "What is to be written to is away: /readyz says what, and cepa volumes names volumes.";
  if (errno === "ETIMEDOUT") return "What is to be written to, a disk or a bucket, did not answer (ETIMEDOUT).";
  return `The disk refused a write: ${errno}.`;
}
