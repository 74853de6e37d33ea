/**
 * The names of a node, over HTTP. Every record that is handed on here was verified: by its signature, to be of the name
 * that was asked for. What no client can see alone is whether the node has shown the newest.
 */
import {
  digestOfName,
  encodeName,
  isSigned,
  type NameRecord,
  type NameSigner,
  parseName,
  parseNameRecord,
  signName,
} from "#client/name-record.ts";
import { noCrypto } from "#client/private-errors.ts";
import { badAnswer, CepaError, isRecord, parseJson, textOf } from "#client/wire.ts";

/** Codes of errors after which the record may have been set all the same, or will be. */
const FATE_OPEN = /^(client\.|runtime\.|gateway\.(restarting|defect)$|overlay\.unavailable$|index\.names-unavailable$)/;

/** Answers whose status is 2xx; all others throw. */
export type Request = (path: string, init: RequestInit) => Promise<Response>;

export interface SetNameOptions {
  /** Who owns the name. The private key stays with the signer. */
  readonly signer: NameSigner;
  /** Seconds since 1970 from which on the name leads nowhere. */
  readonly exp?: number | undefined;
  readonly signal?: AbortSignal;
  /** By default in the memory of the client. */
  readonly unanswered?: Unanswered;
}

/**
 * Records that were sent and whose fate is unknown, by the names that they are of. Nothing else is signed for such a name before
 * its record was sent again: the first one may still be on its way, and two that follow on the same one freeze the name for ever.
 * A `Map` will do; what shall outlast the process is kept before `set` returns. What is thrown here ends the call.
 */
export interface Unanswered {
  get(name: string): NameRecord | undefined;
  set(name: string, record: NameRecord): void;
  delete(name: string): void;
}

export interface NameHistory {
  /** Oldest first, the current record last; the oldest ones may be forgotten. */
  readonly history: readonly NameRecord[];
  /** Two records that contradict each other, where the owner signed such: the name leads nowhere any more. */
  readonly evidence: readonly NameRecord[];
}

/** Leads the owner's name `label` to `value`. Nothing is signed where it leads there already. */
export async function setName(
  request: Request,
  label: string,
  value: string,
  options: SetNameOptions & { readonly unanswered: Unanswered },
): Promise<NameRecord> {
  const { signer, exp, signal, unanswered } = options;
  const name = `${signer.publicKey}/${label}`;
  const known = await readHistory(request, name, signal).catch((error: unknown) => {
    if (error instanceof CepaError && error.code === "index.name-unknown") return { history: [], evidence: [] };
    throw error;
  });
  const current = await settle(request, name, known.history.at(-1), options);
  const isThere = current?.value === value && current.exp === exp && known.evidence.length === 0;
  if (current !== undefined && isThere) return current;
  const statement = { name: label, ...stepAfter(current), value, exp, pub: signer.publicKey };
  const record = await signName(statement, signer);
  unanswered.set(name, record);
  await put(request, record, signal).catch((error: unknown) => {
    if (isRefusal(error)) unanswered.delete(name);
    throw error;
  });
  unanswered.delete(name);
  return record;
}

/** The record that the next one follows on: where the node has not heard of what was sent last, that is sent again. */
async function settle(
  request: Request,
  name: string,
  current: NameRecord | undefined,
  { unanswered, signal }: { readonly unanswered: Unanswered; readonly signal?: AbortSignal },
): Promise<NameRecord | undefined> {
  const last = unanswered.get(name);
  if (last === undefined) return current;
  const { seq, prev } = stepAfter(current);
  const isAhead = last.seq === seq && last.prev === prev;
  // Refused it stays unanswered: that says nothing of the first one, which would contradict another in its place.
  if (isAhead) await put(request, last, signal);
  unanswered.delete(name);
  return isAhead ? last : current;
}

function stepAfter(current: NameRecord | undefined): Pick<NameRecord, "seq" | "prev"> {
  if (current === undefined) return { seq: 1, prev: undefined };
  return { seq: current.seq + 1, prev: digestOfName(current) };
}

async function put(request: Request, record: NameRecord, signal: AbortSignal | undefined): Promise<void> {
  const init = { method: "PUT", body: encodeName(record), ...(signal === undefined ? {} : { signal }) };
  await request(`/n/${record.pub}/${record.name}`, init);
}

/** Whether the node has said that nothing was kept. */
function isRefusal(error: unknown): boolean {
  return error instanceof CepaError && !isFateOpen(error.code);
}

/** Whether the record may be set, or yet be, after a set that was answered with this code. */
export function isFateOpen(code: string): boolean {
  return FATE_OPEN.test(code);
}

/** `name` is `<public key>/<label>`. */
export async function readName(request: Request, name: string, signal?: AbortSignal): Promise<NameRecord> {
  return await verified(await answerOf(request, `/n/${name}`, signal), name);
}

export async function readHistory(request: Request, name: string, signal?: AbortSignal): Promise<NameHistory> {
  const said = await answerOf(request, `/n/${name}/history`, signal);
  const { history, evidence = [] } = isRecord(said) ? said : {};
  if (!Array.isArray(history) || history.length === 0 || !Array.isArray(evidence)) throw notRecords();
  const records = await Promise.all(history.map((one) => verified(one, name)));
  const isChain = records.every((record, at) => {
    const before = records[at - 1];
    return before === undefined || (record.seq === before.seq + 1 && record.prev === digestOfName(before));
  });
  if (!isChain) throw badAnswer(200, "the records of the name do not follow on each other", "");
  return { history: records, evidence: await Promise.all(evidence.map((one) => verified(one, name))) };
}

/** Current records of all names of a key, in the order of their labels. */
export async function listNames(
  request: Request,
  publicKey: string,
  signal?: AbortSignal,
): Promise<readonly (NameRecord & { readonly frozen: boolean })[]> {
  const listed: (NameRecord & { readonly frozen: boolean })[] = [];
  for (;;) {
    const said = await answerOf(request, `/n/${publicKey}?after=${listed.at(-1)?.name ?? ""}`, signal);
    const { names, done } = isRecord(said) ? said : {};
    if (!Array.isArray(names)) throw notRecords();
    for (const one of names) {
      const record = await verified(one, `${publicKey}/${isRecord(one) ? String(one["name"]) : ""}`);
      // Else a node could keep us here for ever.
      if (record.name <= (listed.at(-1)?.name ?? "")) throw notRecords();
      listed.push({ ...record, frozen: isRecord(one) && one["frozen"] === true });
    }
    if (done === true || names.length === 0) return listed;
  }
}

async function answerOf(request: Request, path: string, signal: AbortSignal | undefined): Promise<unknown> {
  const response = await request(path, signal === undefined ? {} : { signal });
  return parseJson(await textOf(response));
}

async function verified(said: unknown, name: string): Promise<NameRecord> {
  const record = parseNameRecord(said);
  const asked = parseName(name);
  if (record === undefined || asked === undefined) throw notRecords();
  if (globalThis.crypto?.subtle === undefined) throw noCrypto();
  const isOfName = record.name === asked.label && record.pub === asked.publicKey;
  if (isOfName && (await isSigned(record))) return record;
  throw badAnswer(200, "the node shows a record that the owner of the name has not signed", "");
}

function notRecords(): CepaError {
  return badAnswer(200, "the answer has no records of names", "");
}
