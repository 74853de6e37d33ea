/** The record of a name as JSON says it: its own fields, bytes in hex, and the digest that the next record has to name. */
import type { NameRecord } from "#actors/domain/name-record.ts";
import type { NameState } from "#actors/index/protocol.ts";

export function recordJson(record: NameRecord): Readonly<Record<string, unknown>> {
  const { label, seq, prev, value, exp, publicKey, signature, digest } = record;
  const sig = Buffer.from(signature).toString("hex");
  return { v: 1, name: label, seq, prev, value, exp, pub: publicKey, sig, digest };
}

export function stateJson({ history, evidence }: NameState): Readonly<Record<string, unknown>> {
  return { history: history.map(recordJson), frozen: evidence !== undefined, evidence: evidence?.map(recordJson) };
}
