/** `cepa auth pending`, `approve`, `deny` and `revoke`: an administrator looks at the keys of producers, and decides. */
import { type AdminChoice, type AdminNode, findAdminNode } from "#cli/admin-node.ts";
import { columns, note, type Piece, paint, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { records, text } from "#cli/fields.ts";
import { refusalIn, type TextAnswer } from "#cli/http.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Pages of keys that are asked for, of a hundred each: more keys than anybody looks at. */
export const KEY_PAGES_MAX = 100;
/** Characters of a fingerprint that stand for all of it, where only one key begins so. */
export const FINGERPRINT_START_MIN = 8;

export interface PendingOptions extends AdminChoice {
  /** Not only those that wait. */
  readonly all?: boolean;
}

export interface ReviewOptions extends AdminChoice {
  /** Whose key it is; otherwise that is looked up. */
  readonly producer?: string;
  readonly notes?: string;
  readonly reason?: string;
}

export interface RevokeOptions extends AdminChoice {
  readonly key?: boolean;
  readonly reason?: string;
}

interface Key {
  readonly fingerprint: string;
  readonly producerId: string;
}

/** Where the key is looked for that is decided about. One that is approved may be again: the answer may have been lost. */
const REVIEWED: Readonly<Record<"approve" | "deny", readonly string[]>> = {
  approve: ["/auth/pending", "/auth/active"],
  deny: ["/auth/all"],
};

type Row = Readonly<Record<string, unknown>>;

export async function pending(options: PendingOptions): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const keys = await listKeys(node.value, options.all === true ? "/auth/all" : "/auth/pending");
  if (!keys.ok) return keys;
  if (options.json === true) for (const row of keys.value.rows) print(JSON.stringify(row));
  else for (const line of table(keys.value.rows, options.all === true)) print(...line);
  if (!keys.value.isWhole) note(`these are the newest ${keys.value.rows.length}; there are more`, options.json);
  return ok();
}

export async function approve(fingerprint: string, options: ReviewOptions): Promise<Outcome> {
  return await review("approve", fingerprint, options);
}

export async function deny(fingerprint: string, options: ReviewOptions): Promise<Outcome> {
  return await review("deny", fingerprint, options);
}

/** `name`: of a token, which may be the token itself; with `key`, the fingerprint of a key. */
export async function revoke(name: string, { key, reason, ...options }: RevokeOptions): Promise<Outcome> {
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const why = reason === undefined ? {} : { reason };
  const found = key === true ? await findKey(node.value, REVIEWED.deny, name) : undefined;
  if (found?.ok === false) return found;
  const what = found === undefined ? { jti: jtiOf(name) ?? name } : { fingerprint: found.value.fingerprint };
  // By itself it is revoked also where the node does not remember it.
  const token = found === undefined && what.jti !== name ? { token: name } : {};
  const answer = await node.value.ask("POST", "/auth/revoke", { ...what, ...token, ...why });
  if (!answer.ok) return answer;
  if (answer.value.status !== 204) return fail(refusalIn(answer.value));
  print(options.json === true ? JSON.stringify({ revoked: what }) : "revoked");
  return ok();
}

async function review(action: "approve" | "deny", name: string, options: ReviewOptions): Promise<Outcome> {
  const { producer, notes, reason, json } = options;
  const node = await findAdminNode(options);
  if (!node.ok) return node;
  const key =
    producer === undefined
      ? await findKey(node.value, REVIEWED[action], name)
      : ok({ fingerprint: name, producerId: producer } satisfies Key);
  if (!key.ok) return key;
  const { fingerprint, producerId } = key.value;
  const said = { ...(notes === undefined ? {} : { notes }), ...(reason === undefined ? {} : { reason }) };
  const order = { action, fingerprint, producer_id: producerId, ...said };
  const answer = await node.value.ask("POST", "/auth/review", order);
  if (!answer.ok) return answer;
  if (answer.value.status !== 200) return fail(refusalIn(answer.value));
  const facts = parseJson(answer.value.body);
  if (!isRecord(facts)) return badAnswer();
  if (json === true) {
    print(JSON.stringify(facts));
    return ok();
  }
  const type = text(facts["type"]).replace("_", " ");
  const already = facts["already"] === true ? "already " : "";
  print(`${already}${text(facts["status"])}: producer ${producerId}${type === "" ? "" : ` (${type})`}`);
  if (facts["told"] !== true) note("the producer could not be told: it finds out when it registers again");
  return ok();
}

/** The key whose fingerprint that is, or begins so, in the first of the lists that has one. */
async function findKey(node: AdminNode, paths: readonly string[], name: string): Promise<Outcome<Key>> {
  const isStart = name.length >= FINGERPRINT_START_MIN;
  let found: readonly Key[] = [];
  for (const path of paths) {
    const keys = await listKeys(node, path);
    if (!keys.ok) return keys;
    found = keys.value.rows
      .map((row) => ({ fingerprint: text(row["fingerprint"]), producerId: text(row["producer_id"]) }))
      .filter(({ fingerprint }) => fingerprint === name || (isStart && fingerprint.startsWith(name)));
    if (found.length > 0) break;
  }
  const [key, ...others] = found;
  if (key !== undefined && others.length === 0) return ok(key);
  const which = paths === REVIEWED.approve ? "key that waits" : "key";
  const problem = key === undefined ? `no ${which} has` : `${found.length} keys have`;
  const shown = `cepa auth pending${which === "key" ? " --all" : ""}`;
  const message = /^(SHA256|MD5):/.test(name)
    ? `${name} is a fingerprint of ssh-keygen; those here are the SHA3-512 of the key's blob, in base64, as ${shown} shows them`
    : `${problem} this fingerprint, or begins so: ${name}; see ${shown}`;
  return fail({ code: "cli.no-such-key", message });
}

async function listKeys(
  node: AdminNode,
  first: string,
): Promise<Outcome<{ readonly rows: readonly Row[]; readonly isWhole: boolean }>> {
  const rows: Row[] = [];
  let path: string | undefined = first;
  for (let page = 0; path !== undefined && page < KEY_PAGES_MAX; page += 1) {
    const answer: Outcome<TextAnswer> = await node.ask("GET", path);
    if (!answer.ok) return answer;
    if (answer.value.status !== 200) return fail(refusalIn(answer.value));
    const said = parseJson(answer.value.body);
    if (!Array.isArray(said)) return badAnswer();
    rows.push(...records(said));
    path = /^<(\/auth\/[a-z]+\/before\/\d+)>; rel="next"$/.exec(answer.value.link ?? "")?.[1];
  }
  return ok({ rows, isWhole: path === undefined });
}

/** The fingerprint last, because it is long, and because it is what is copied from there. */
function table(rows: readonly Row[], isAll: boolean): readonly (readonly Piece[])[] {
  if (rows.length === 0) return [[isAll ? "no keys" : "no keys wait"]];
  const lines = rows.map((row) => [
    text(row["ts"]).replace(/\.\d+Z$/, "Z"),
    ...(isAll ? [stateOf(row)] : []),
    text(row["producer_id"]),
    text(row["name"]) || "-",
    comesAs(row),
    vouchedBy(row),
    text(row["fingerprint"]),
  ]);
  return columns(lines);
}

/** Anybody who knows a producer's id can bring a further key of it: approved, that ends the one it has. */
function comesAs(row: Row): Piece {
  if (row["type"] !== "key_rotation") return "new";
  const superseded = text(row["supersedes"]).slice(0, FINGERPRINT_START_MIN);
  return superseded === "" ? "further key" : paint("yellow", `replaces ${superseded}`);
}

function vouchedBy(row: Row): Piece {
  const { certificate } = row;
  return isRecord(certificate) ? `certified ${text(certificate["key_id"]) || "-"}` : "no certificate";
}

function stateOf(row: Row): Piece {
  const status = text(row["status"]);
  if (row["disabled"] === true) return paint("yellow", `${status}, disabled`);
  return status === "approved" ? paint("green", status) : status === "pending" ? status : paint("red", status);
}

/** What a token is called: by its name, or by the token itself. Undefined for what is neither. */
export function jtiOf(name: string): string | undefined {
  if (ULID.test(name)) return name;
  const [, claims, signature, ...more] = name.split(".");
  if (claims === undefined || signature === undefined || more.length > 0) return undefined;
  const said = parseJson(Buffer.from(claims, "base64url").toString());
  return isRecord(said) && typeof said["jti"] === "string" ? said["jti"] : undefined;
}

/** As nodes call tokens. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

function badAnswer(): Outcome<never> {
  return fail({ code: "cli.bad-answer", message: "the answer is not one of a listener of administrators" });
}
