/** Names: where they lead, and records that lead them elsewhere. What is signed is looked at here, where it comes in. */
import { fullName, type Name, type PublicKey } from "#actors/domain/name.ts";
import { NAME_RECORD_BYTES_MAX, verifyNameRecord } from "#actors/domain/name-record.ts";
import { type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import { recordJson, stateJson } from "#actors/gateway/name-json.ts";
import { optionsOf } from "#actors/gateway/objects.ts";
import { judge } from "#actors/gateway/preconditions.ts";
import { isHttpFailure } from "#actors/gateway/status-table.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** Names in one answer; the next ones are asked for with `?after=` and the last label. */
export const NAMES_LISTED_MAX = 256;

const DAG_CBOR = "application/vnd.ipld.dag-cbor";

/** As JSON, or with `Accept: application/vnd.ipld.dag-cbor` as the bytes that were signed. */
export async function readName(desk: Desk, visit: Visit, name: Name): Served {
  const got = await desk.overlay.call("getName", { name }, optionsOf(desk, visit));
  if (!got.ok) return got;
  const record = got.value;
  const { headers } = visit.request;
  const isRaw = headers["accept"]?.toLowerCase().includes(DAG_CBOR) === true;
  // A name may lead elsewhere at any time: whoever keeps the answer asks whether it still holds.
  const said = {
    ETag: `"${record.digest}${isRaw ? "" : ".json"}"`,
    "Cache-Control": "no-cache",
    Vary: "Accept",
    "X-Content-Type-Options": "nosniff",
  };
  const verdict = judge(headers, said.ETag);
  if (verdict === "failed") return fail({ code: "gateway.precondition-failed" });
  if (verdict === "not-modified") return ok({ status: 304, headers: said, body: undefined });
  if (!isRaw) return ok(jsonAnswer(200, recordJson(record), said));
  return ok({ status: 200, headers: { ...said, "Content-Type": DAG_CBOR }, body: record.bytes });
}

/** The body is a record. Answers with the record. */
export async function setName(desk: Desk, visit: Visit, name: Name): Served {
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  const bytes = await readBody(visit.request.body, NAME_RECORD_BYTES_MAX + 1);
  if (!bytes.ok) return bytes;
  desk.meters.received(bytes.value.length);
  const record = verifyNameRecord(bytes.value);
  if (!record.ok) return record;
  if (fullName(record.value) !== fullName(name)) return fail({ code: "gateway.name-mismatch" });
  const set = await desk.overlay.call("setName", { record: record.value }, optionsOf(desk, visit));
  return set.ok ? ok(jsonAnswer(200, recordJson(record.value))) : set;
}

export async function readHistory(desk: Desk, visit: Visit, name: Name): Served {
  const got = await desk.overlay.call("readNameHistory", { name }, optionsOf(desk, visit));
  return got.ok ? ok(jsonAnswer(200, stateJson(got.value))) : got;
}

/** Names of one key with their current records, in the order of their labels. */
export async function listNames(desk: Desk, visit: Visit, publicKey: PublicKey): Served {
  const after = new URLSearchParams(visit.request.query).get("after") ?? "";
  const listed = await desk.overlay.call(
    "listNames",
    { publicKey, after, limit: NAMES_LISTED_MAX },
    optionsOf(desk, visit),
  );
  if (!listed.ok) return listed;
  const names = listed.value.flatMap(({ history, evidence }) =>
    history.slice(-1).map((record) => ({ ...recordJson(record), frozen: evidence !== undefined })),
  );
  return ok(jsonAnswer(200, { names, done: names.length < NAMES_LISTED_MAX }));
}

/** At most the first `bytesMax` bytes: what is longer is refused for its length. */
async function readBody(body: ByteSource | undefined, bytesMax: number): Promise<Result<Uint8Array, HttpFailure>> {
  const bytes = new Uint8Array(bytesMax);
  let filled = 0;
  while (body !== undefined && filled < bytesMax) {
    const count = await body.read(bytes.subarray(filled));
    if (body.failure !== undefined) {
      return fail(isHttpFailure(body.failure) ? body.failure : { code: "gateway.body-truncated" });
    }
    if (count <= 0) break;
    filled += count;
  }
  return ok(bytes.slice(0, filled));
}
