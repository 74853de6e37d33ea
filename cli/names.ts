/**
 * `cepa name`: names that lead to objects, and can be led elsewhere by whoever has their key. Records are signed and
 * verified here.
 */
import { columns, print } from "#cli/console.ts";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { timeOf } from "#cli/fields.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, refusalOf } from "#cli/http.ts";
import { type ObjectName, parseName as parseObjectName } from "#cli/name.ts";
import { defaultKeyFile, lockKey, obtainSigner, readSigner } from "#cli/name-key.ts";
import { unansweredBeside } from "#cli/unanswered.ts";
import { CepaClient, CepaError, type NameRecord, type SetNameOptions } from "#client/client.ts";
import { type NameSigner, parseName } from "#client/name-record.ts";
import { fail, ok } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

export interface NameOptions extends NodeChoice {
  /** File of the key. */
  readonly key?: string;
  readonly json?: boolean;
}

export interface SetOptions extends NameOptions {
  /** Make the key in `key` where there is none. Without it only the key that nobody named is made. */
  readonly newKey?: boolean;
  /** From now, ms. */
  readonly expires?: number;
}

/**
 * Prints the name, and nothing else: what another command takes. Of a private link the node hears, and the record has, no
 * more than the root.
 */
export async function setName(label: string, target: string, options: SetOptions): Promise<Outcome> {
  const { key = defaultKeyFile(), json, newKey = options.key === undefined } = options;
  const signer = newKey ? obtainSigner(key, json) : ownSigner(options);
  if (!signer.ok) return signer;
  const value = target.replace(/#.*$/s, "");
  const exp = options.expires === undefined ? undefined : Math.floor((Date.now() + options.expires) / second);
  // Two records that follow on the same one contradict each other: whoever comes second reads what the first has set.
  const lock = await lockKey(signer.value.publicKey);
  if (!lock.ok) return lock;
  const set = await setLocked(key, label, value, { signer: signer.value, exp }, options).finally(() =>
    lock.value.release(),
  );
  if (!set.ok) return set;
  print(json === true ? jsonOf(set.value) : fullName(set.value));
  return ok();
}

async function setLocked(
  keyFile: string,
  label: string,
  value: string,
  signing: Pick<SetNameOptions, "signer" | "exp">,
  options: NameOptions,
): Promise<Outcome<NameRecord>> {
  const kept = unansweredBeside(keyFile, `${signing.signer.publicKey}/${label}`);
  if (!kept.ok) return kept;
  try {
    return await asked(options, (client, signal) =>
      client.setName(label, value, { ...signing, signal, unanswered: kept.value }),
    );
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    const message = `what is signed cannot be kept beside ${keyFile} until it is answered: ${reasonOf(error)}`;
    return fail({ code: "cli.file-unwritable", message });
  }
}

/** Prints where it leads, and nothing else: what another command takes. */
export async function getName(name: string, options: NameOptions): Promise<Outcome> {
  const whole = wholeName(name, options);
  if (!whole.ok) return whole;
  const got = await asked(options, (client, signal) => client.getName(whole.value, { signal }));
  if (!got.ok) return got;
  print(options.json === true ? jsonOf(got.value) : got.value.value);
  return ok();
}

/** The object that a name leads to. */
export async function lookUp(name: string, options: NameOptions): Promise<Outcome<ObjectName>> {
  const whole = wholeName(name, options);
  if (!whole.ok) return whole;
  const got = await asked(options, (client, signal) => client.getName(whole.value, { signal }));
  if (!got.ok) return got;
  const found = parseObjectName(got.value.value);
  const message = `the name leads to the private object ${got.value.value}: its link is needed, which has the key`;
  return found === undefined ? fail({ code: "cli.bad-name", message }) : ok(found);
}

/** Oldest first. */
export async function nameHistory(name: string, options: NameOptions): Promise<Outcome> {
  const whole = wholeName(name, options);
  if (!whole.ok) return whole;
  const got = await asked(options, (client, signal) => client.nameHistory(whole.value, { signal }));
  if (!got.ok) return got;
  const { history, evidence } = got.value;
  if (options.json === true) {
    for (const record of history) print(jsonOf(record));
    for (const record of evidence) print(jsonOf({ ...record, evidence: true }));
    return ok();
  }
  for (const line of columns(history.map(wordsOf))) print(...line);
  if (evidence.length > 0) print("frozen: its owner signed these two, which contradict each other");
  for (const line of columns(evidence.map(wordsOf))) print("  ", ...line);
  return ok();
}

/** The names of the key. */
export async function listNames(options: NameOptions): Promise<Outcome> {
  const signer = ownSigner(options);
  if (!signer.ok) return signer;
  const listed = await asked(options, (client, signal) => client.listNames(signer.value.publicKey, { signal }));
  if (!listed.ok) return listed;
  if (options.json === true) for (const record of listed.value) print(jsonOf(record));
  else {
    const rows = listed.value.map((record) => [record.name, ...wordsOf(record), ...(record.frozen ? ["frozen"] : [])]);
    for (const line of columns(rows)) print(...line);
  }
  return ok();
}

/** A label alone is one of the key's own. */
function wholeName(name: string, options: NameOptions): Outcome<string> {
  if (parseName(name) !== undefined) return ok(name);
  const signer = ownSigner(options);
  return signer.ok ? ok(`${signer.value.publicKey}/${name}`) : signer;
}

function ownSigner(options: NameOptions): Outcome<NameSigner> {
  const file = options.key ?? defaultKeyFile();
  const signer = readSigner(file);
  if (!signer.ok) return signer;
  const how = options.key === undefined ? "cepa name set" : "cepa name set with --new-key";
  const message = `there is no key in ${file}: ${how} makes one; names of others are KEY/LABEL`;
  return signer.value === undefined ? fail({ code: "cli.bad-key", message }) : ok(signer.value);
}

/** `seq`, where it leads and until when. */
function wordsOf({ seq, value, exp }: NameRecord): readonly string[] {
  return [String(seq), value, ...(exp === undefined ? [] : [untilWords(exp)])];
}

function untilWords(exp: number): string {
  // A record may say any number; not every one is a date.
  const when = timeOf(exp * second) ?? String(exp);
  return exp * second <= Date.now() ? `expired ${when}` : `until ${when}`;
}

function fullName({ pub, name }: NameRecord): string {
  return `${pub}/${name}`;
}

function jsonOf(record: NameRecord & { readonly frozen?: boolean; readonly evidence?: boolean }): string {
  const { name: label, ...rest } = record;
  return JSON.stringify({ name: fullName(record), label, ...rest });
}

async function asked<Value>(
  options: NameOptions,
  ask: (client: CepaClient, signal: AbortSignal) => Promise<Value>,
): Promise<Outcome<Value>> {
  const url = findUrl(options);
  if (!url.ok) return url;
  try {
    return ok(await ask(new CepaClient({ url: url.value }), AbortSignal.timeout(ANSWER_TIMEOUT_MS)));
  } catch (error) {
    if (error instanceof CepaError) return fail(refusalOf(error));
    if (!(error instanceof Error) || error.name !== "TimeoutError") throw error;
    const message = `${url.value} has not answered for ${ANSWER_TIMEOUT_MS / second} s: ${reasonOf(error)}`;
    return fail({ code: "cli.no-answer", message });
  }
}
