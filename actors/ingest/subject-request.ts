/** What a producer wants of a subject: the payload of a request that was verified (seed 004, "Subject registration"). */
import { isJsonObject, type JsonObject } from "#actors/domain/json-value.ts";
import {
  LEGACY_SCHEMA_PREFIX,
  SCHEMA_NAME_LENGTH_MAX,
  SUBJECT_KEY_LENGTH_MAX,
} from "#actors/ingest/rows/event-rows.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

export type SubjectRequest =
  | {
      readonly op: "register";
      readonly subjectKey: string;
      readonly schemaName: string;
      readonly schemaBody: JsonObject;
      readonly attrs: JsonObject;
    }
  | {
      readonly op: "upgrade";
      readonly subjectKey: string;
      readonly schemaName: string;
      readonly schemaDelta: JsonObject;
      readonly attrsDelta: JsonObject;
    };

/** It asks for nothing that can be done. Final: `member` is what is wrong, or missing, or not for this operation. */
export interface SubjectRequestRefused extends Failure<"ingest.subject-request-refused"> {
  readonly reason: "unknown_op" | "invalid_payload";
  readonly member: string;
}

/** Members of other names are not looked at, but those of the other operation: who mixes them means something else. */
export function readSubjectRequest(payload: JsonObject): Result<SubjectRequest, SubjectRequestRefused> {
  const { op } = payload;
  if (op !== "register" && op !== "upgrade") return refuse("unknown_op", "op");
  const subjectKey = payload["subject_key"];
  if (!isText(subjectKey, SUBJECT_KEY_LENGTH_MAX)) return refuse("invalid_payload", "subject_key");
  const schemaName = payload["schema_name"];
  if (!isText(schemaName, SCHEMA_NAME_LENGTH_MAX)) return refuse("invalid_payload", "schema_name");
  if (schemaName.startsWith(LEGACY_SCHEMA_PREFIX)) return refuse("invalid_payload", "schema_name");
  const [own, others] = MEMBERS[op];
  const foreign = others.find((name) => payload[name] !== undefined);
  if (foreign !== undefined) return refuse("invalid_payload", foreign);
  const [bodyName, attrsName] = own;
  const body = payload[bodyName];
  if (body === undefined || !isJsonObject(body)) return refuse("invalid_payload", bodyName);
  const attrs = payload[attrsName] ?? {};
  if (!isJsonObject(attrs)) return refuse("invalid_payload", attrsName);
  return ok(
    op === "register"
      ? { op, subjectKey, schemaName, schemaBody: body, attrs }
      : { op, subjectKey, schemaName, schemaDelta: body, attrsDelta: attrs },
  );
}

/** Of each operation: the schema and what is said of the subject, and what is of the other. */
const MEMBERS = {
  register: [
    ["schema_body", "attrs"],
    ["schema_delta", "attrs_delta"],
  ],
  upgrade: [
    ["schema_delta", "attrs_delta"],
    ["schema_body", "attrs"],
  ],
} as const;

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value !== "" && value.length <= lengthMax;
}

function refuse(reason: SubjectRequestRefused["reason"], member: string): Result<never, SubjectRequestRefused> {
  return fail({ code: "ingest.subject-request-refused", reason, member });
}
