/**
 * A producer. Each line of its standard input is a JSON object, and becomes an event of one subject.
 *
 *   ssh-keygen -q -t ed25519 -N '' -f me                          # its key: me, me.pub
 *   ssh-keygen -q -s producer_ca -I me -n fdc-producer me.pub     # the operator certifies it: me-cert.pub
 *   vmstat-as-json | node producer.ts redis://producer:…@127.0.0.1:7701 me hosts/mine vmstat
 *
 * The address is in the line that the node prints when it is ready. At its first start the producer waits until the operator
 * has approved its key (`cepa auth pending`, `cepa auth approve`). On standard output comes the id of each event that Redis has taken.
 *
 * Copy it beside a `package.json` with `"type": "module"`, and `npm install ioredis`: it needs nothing else, and Node 26, which runs
 * TypeScript as it is.
 */
import { createPrivateKey, type KeyObject, randomBytes, randomUUIDv7, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Answer = Readonly<Record<string, string>>;

const [url = "", keyFile = "", subjectKey = "", schemaName = ""] = process.argv.slice(2);
if (schemaName === "") {
  console.error("Usage: node producer.ts URL KEY_FILE SUBJECT_KEY SCHEMA_NAME < EVENTS, a JSON object in each line");
  process.exit(2);
}
const key = readKey(readFileSync(keyFile, "utf8"));
const certificate = readFileSync(`${keyFile}-cert.pub`, "utf8").trim();

// ioredis asks for INFO before it begins, which a producer may not.
const redis = new Redis(url, { enableReadyCheck: false });
// Who waits for an answer holds a connection: one of its own.
const waiting = redis.duplicate();
for (const connection of [redis, waiting]) connection.on("error", ({ message }) => console.error(`redis: ${message}`));

const producerId = await register();
let token = await exchange();
const subjectId = await registerSubject();
void keepFresh();
let lineNumber = 0;
for await (const line of createInterface({ input: process.stdin })) {
  lineNumber += 1;
  const payload = objectIn(line);
  if (payload === undefined) {
    console.error(`line ${lineNumber} is no JSON object, and is left out`);
    process.exitCode = 1;
    continue;
  }
  // The id is made once, and stays the same however often the event is sent: there will be one row.
  const id = randomUUIDv7();
  const ts = new Date().toISOString();
  await publish(JSON.stringify({ event_id: id, ts, subject_id: subjectId, payload, tags: [] }));
  console.log(id);
}
process.exit();

function objectIn(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // It throws on what is no JSON.
    return undefined;
  }
}

/** Answers with the producer's id when its key is approved; a key that is approved already is told so at once. */
async function register(): Promise<string> {
  for (;;) {
    // Every round has another nonce, and with it another stream. A key that waits is not answered before it is decided about.
    const nonce = await send("fdc:register", {
      action: "register",
      contact: "ops@example.com",
      producer_hint: keyFile,
    });
    const isDecided = ({ status }: Answer): boolean => status !== "pending";
    const answer = await answerIn(`fdc:register:resp:${nonce}`, isDecided, 15_000);
    if (answer?.["status"] === "approved") return answer["producer_id"] ?? "";
    if (answer !== undefined && answer["status"] !== "rate_limited") throw new Error(`refused: ${answer["reason"]}`);
    console.error("waiting until somebody approves this key");
  }
}

/** A token is good for an hour. */
async function exchange(): Promise<{ readonly text: string; readonly leftMs: number }> {
  const answer = await ask("fdc:token:exchange", { action: "exchange", producer_id: producerId }, "fdc:token:resp");
  return { text: answer["token"] ?? "", leftMs: Date.parse(answer["exp"] ?? "") - Date.now() };
}

/** Asks for another token when half the time of one is over: so it still counts while the node may have to be asked again. */
async function keepFresh(): Promise<never> {
  for (;;) {
    await pause(Math.max(60_000, token.leftMs / 2));
    token = await exchange();
  }
}

/** The same again changes nothing, so this is done at every start. */
async function registerSubject(): Promise<string> {
  const payload = { op: "register", schema_body: {}, schema_name: schemaName, subject_key: subjectKey };
  const answer = await ask("fdc:subject:register", payload, "fdc:subject:resp");
  return answer["subject_id"] ?? "";
}

/** An event is sent until Redis has taken it: Redis may be away, or have no room until the node has read what is there. */
async function publish(event: string): Promise<void> {
  for (;;) {
    try {
      await redis.xadd("events", "*", "payload", event, "token", token.text);
      return;
    } catch (error) {
      console.error(`not taken yet: ${String(error)}`);
      await pause(1000);
    }
  }
}

/** A request that is answered in one of the producer's own streams, under its nonce. It is made until it is answered. */
async function ask(stream: string, payload: Json, answers: string): Promise<Answer> {
  for (;;) {
    const nonce = await send(stream, payload);
    const answer = await answerIn(`${answers}:${producerId}`, (fields) => fields["nonce"] === nonce, 15_000);
    if (answer?.["token"] !== undefined || answer?.["status"] === "ok") return answer;
    if (answer !== undefined && answer["status"] !== "rate_limited")
      throw new Error(`refused: ${JSON.stringify(answer)}`);
    await pause(6000);
  }
}

/** The signature is over the payload as it is sent, which has to be canonical, and a nonce that is used once. */
async function send(stream: string, payload: Json): Promise<string> {
  const [text, nonce] = [canonical(payload), randomBytes(16).toString("hex")];
  const signature = sign(null, Buffer.from(`${text}.${nonce}`), key).toString("base64");
  await redis.xadd(stream, "*", "pubkey", certificate, "payload", text, "nonce", nonce, "sig", signature);
  return nonce;
}

/** The first entry that is `wanted`; undefined when none has come in time. */
async function answerIn(
  stream: string,
  wanted: (fields: Answer) => boolean,
  withinMs: number,
): Promise<Answer | undefined> {
  const untilMs = Date.now() + withinMs;
  for (let after = "0", leftMs = withinMs; leftMs > 0; leftMs = untilMs - Date.now()) {
    const read = await waiting.xread("BLOCK", leftMs, "STREAMS", stream, after);
    for (const [id, fields] of read?.[0]?.[1] ?? []) {
      after = id;
      const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? ""] as const] : []));
      const answer: Answer = Object.fromEntries(pairs);
      if (wanted(answer)) return answer;
    }
  }
  return undefined;
}

/** RFC 8785: no spaces, and members by name. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}

/** The key of an unencrypted file of `ssh-keygen`: where the public half comes for the third time, the secret is before it. */
function readKey(text: string): KeyObject {
  const file = Buffer.from(text.replaceAll(/-----.*-----|\s/g, ""), "base64");
  const half = file.subarray(file.indexOf("ssh-ed25519") + 15).subarray(0, 32);
  const secret = file.subarray(file.lastIndexOf(half) - 32).subarray(0, 32);
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), secret]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}
