/**
 * How a producer comes to a node, by the streams that every producer uses: it registers its key, is let in, exchanges the key for a
 * token, and registers what it writes about.
 */
import { canonicalText } from "#actors/domain/canonical-json.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";
import type { EventsPort } from "#chaos/workload/events-port.ts";
import { type EntryFields, entriesIn } from "#chaos/workload/redis-replies.ts";
import { signerFrom } from "#chaos/workload/signer.ts";
import { passed } from "#chaos/world.ts";
import { FOREVER, type SshSigner, signCertificate } from "#client/ssh/certificate.ts";
import { formatCertificateLine, formatKeyLine } from "#client/ssh/key-line.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, Defect } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { second } from "#runtime/units.ts";

/** Of whoever may publish, as a node has it where nothing is said. */
const PRINCIPAL = "fdc-producer";
/** Longest wait for an answer of a node that nothing is wrong with. */
const ANSWER_MS_MAX: number = 30 * second;
const LOOK_MS = 100;

/** What publishing takes. */
export interface Publisher {
  readonly producerId: string;
  readonly subjectId: string;
  readonly token: string;
}

export interface NewcomerSeams {
  readonly port: EventsPort;
  readonly clock: Clock;
  readonly random: Random;
}

export class Newcomer {
  readonly #seams: NewcomerSeams;
  readonly #name: string;
  readonly #signer: SshSigner;
  #producerId = "";

  constructor(seams: NewcomerSeams, name: string) {
    this.#seams = seams;
    this.#name = name;
    this.#signer = signerFrom(seams.random.bytes(32));
  }

  /** From then on it waits to be let in. */
  async register(): Promise<void> {
    const payload = { action: "register", producer_hint: this.#name };
    const told = await this.#request("fdc:register", payload, (nonce) => `fdc:register:resp:${nonce}`);
    this.#producerId = told.get("producer_id") ?? "";
    assert(told.get("status") === "pending", `it waits: ${JSON.stringify([...told])}`);
  }

  /** After it was let in. */
  async settle(): Promise<Publisher> {
    const producerId = this.#producerId;
    const exchange = { action: "exchange", producer_id: producerId };
    const given = await this.#request("fdc:token:exchange", exchange, () => `fdc:token:resp:${producerId}`);
    const about = { op: "register", subject_key: `chaos/${this.#name}`, schema_name: "chaos", schema_body: {} };
    const subject = await this.#request("fdc:subject:register", about, () => `fdc:subject:resp:${producerId}`);
    const [token, subjectId] = [given.get("token"), subject.get("subject_id")];
    assert(token !== undefined, `it has a token: ${JSON.stringify([...given])}`);
    assert(subjectId !== undefined, `it has a subject: ${JSON.stringify([...subject])}`);
    return { producerId, subjectId, token };
  }

  async #request(stream: string, payload: JsonObject, answerIn: (nonce: string) => string): Promise<EntryFields> {
    const { port, random } = this.#seams;
    const nonce = Buffer.from(random.bytes(16)).toString("hex");
    const text = canonicalText(payload);
    const sig = await this.#signer.sign(Uint8Array.from(Buffer.from(`${text}.${nonce}`)));
    const fields = {
      pubkey: await this.#certificate(),
      payload: text,
      nonce,
      sig: Buffer.from(sig).toString("base64"),
    };
    const added = await port.ask(["XADD", stream, "*", ...Object.entries(fields).flat()]);
    if (!added.ok) throw new Defect(`${stream} takes nothing: ${JSON.stringify(added.failure)}`);
    return await this.#answer(answerIn(nonce), nonce);
  }

  /** The one that speaks of the request; of a stream that is that request's alone any. */
  async #answer(stream: string, nonce: string): Promise<EntryFields> {
    const { port, clock } = this.#seams;
    const untilMs = clock.nowMs() + ANSWER_MS_MAX;
    while (clock.nowMs() < untilMs) {
      const read = await port.ask(["XRANGE", stream, "-", "+"]);
      const all = read.ok ? entriesIn(read.value) : [];
      const own = all.find((told) => (told.get("nonce") ?? nonce) === nonce);
      if (own !== undefined) return own;
      await passed({ clock }, LOOK_MS);
    }
    throw new Defect(`nothing was answered in ${stream}`);
  }

  async #certificate(): Promise<string> {
    const { port, random } = this.#seams;
    const { publicKey } = this.#signer;
    const spec = { publicKey, principals: [PRINCIPAL], keyId: this.#name, serial: 1n, nonce: random.bytes(32) };
    const made = await signCertificate({ ...spec, validAfter: 0n, validBefore: FOREVER }, port.authority);
    assert(typeof made !== "string", "a certificate");
    return formatCertificateLine(made, "");
  }
}

/** What an operator names as `auth.producerAuthority`. */
export function authorityLine({ publicKey }: SshSigner): string {
  return `${formatKeyLine({ publicKey, comment: "" })}\n`;
}
