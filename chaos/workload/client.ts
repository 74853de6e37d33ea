/** What clients of objects do, and what must hold of the answers. */
import { type Answered, Asker, type AskerOptions } from "#chaos/workload/asker.ts";
import { anyObject, uploadOf, type WorkObject } from "#chaos/workload/objects.ts";
import { passed, type WorldAnswer } from "#chaos/world.ts";
import type { Random } from "#runtime/random.ts";

export interface ClientOptions extends AskerOptions {
  readonly random: Random;
  /** The disk could not read something at some time. A record that it could not read is looked at again when it is asked for. */
  readonly mayHide: boolean;
}

/** Puts that have to make a damaged object whole: one that reads what it relies on, and one where damage is not known yet. */
const MENDS_MAX = 4;

/** Each look brings at least one record of an object back, of which one that is cut finely has some dozens. */
const LOOKS_MAX = 64;
const LOOK_MS = 100;

/** What is known of an object when a request for it is sent. */
interface Expected {
  readonly object: WorkObject;
  /** It was acknowledged. */
  readonly mustBe: boolean;
  readonly mayBeDamaged: boolean;
  readonly mayBeForgotten: boolean;
}

export class Client {
  readonly #options: ClientOptions;
  readonly #asker: Asker;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#asker = new Asker(options);
  }

  /** One request of any kind. */
  async act(): Promise<void> {
    const { random, ledger } = this.#options;
    const known = [...ledger.offered.values()];
    const object = known[random.below(Math.max(1, known.length))];
    if (object === undefined || random.below(3) === 0) return await this.put(anyObject(random));
    switch (random.below(6)) {
      case 0:
        return await this.stat(object);
      case 1:
        return await this.range(object);
      case 2:
        return await this.ask(["/status", "/metrics", "/healthz"][random.below(3)] ?? "/status");
      default:
        await this.get(object);
    }
  }

  async put(object: WorkObject, mayBreak: boolean = true): Promise<void> {
    const { random, world, ledger, checks } = this.#options;
    const { address, bytes } = object;
    const isBroken = mayBreak && random.below(12) === 0 && bytes.length > 0;
    const upload = { clock: world.clock, random, ...(isBroken ? { failAt: random.below(bytes.length) } : {}) };
    ledger.offered.set(address, object);
    const onAcknowledged = ledger.damage.put(object);
    const request = {
      method: "PUT",
      target: random.below(2) === 0 ? "/put" : `/o/${address}`,
      body: uploadOf(bytes, upload),
      headers: random.below(2) === 0 ? {} : { "cepa-chunker": "gear-fine/1" },
      ...(random.below(3) === 0 ? {} : { contentLength: bytes.length }),
    };
    const answer = await this.#asker.send("put", request, !isBroken);
    if (answer === undefined) return;
    const isStored = answer.status === 200 || answer.status === 201;
    // It may have been acknowledged: what it says did not arrive.
    if (isStored && !answer.complete) return ledger.count("put without answer");
    if (isStored) {
      checks.that("bytes-are-right", !isBroken, () => `a body that broke off is stored: ${address}`);
      const stored = factsIn(answer).address;
      checks.that("bytes-are-right", stored === address, () => `${address} is stored as ${stored}`);
      ledger.acknowledged.set(address, object);
      onAcknowledged();
      return;
    }
    if (isBroken && answer.status === 400) return;
    // A disk may be full on a calm day.
    this.#asker.mayRefuse(answer, `put ${address}`, answer.status === 507);
  }

  /** Whether it is there, whole. */
  async get(object: WorkObject): Promise<boolean> {
    const { checks } = this.#options;
    const { address, bytes } = object;
    const expected = this.#expected(object);
    const answer = await this.#asker.send("get", { target: `/o/${address}` }, !expected.mayBeDamaged);
    if (!this.#isThere(answer, expected)) return false;
    const isRight = answer.status === 200 && isSame(answer.body, bytes);
    return checks.that("bytes-are-right", isRight, () => `wrong bytes for ${address} (${answer.status})`);
  }

  /** Until it is there, at most as often as an object may have records that the disk could not read. */
  async find(object: WorkObject): Promise<void> {
    const { checks, world } = this.#options;
    for (let look = 1; this.#options.mayHide && look < LOOKS_MAX; look += 1) {
      const answer = await this.#asker.send("get", { target: `/o/${object.address}` });
      if (answer === undefined || !isHidden(answer)) break;
      checks.that("refusals-may-be-tried-again", look < LOOKS_MAX - 1, () => `${object.address} stays hidden`);
      await passed(world, LOOK_MS);
    }
    await this.get(object);
  }

  /**
   * What may be damaged is whole, or the node says that it is not; then it is put again, and is whole. Where more of it has
   * decayed than was read, that takes more than one put.
   */
  async mend(object: WorkObject): Promise<void> {
    const { ledger, checks } = this.#options;
    for (let mends = 0; ledger.damage.mayBe(object) && mends < MENDS_MAX; mends += 1) {
      if (await this.get(object)) return;
      await this.put(object, false);
    }
    const isWhole = await this.get(object);
    checks.that(
      "nothing-acknowledged-is-lost",
      isWhole,
      () => `${object.address} stays damaged, though it was put again`,
    );
  }

  async range(object: WorkObject): Promise<void> {
    const { random, checks } = this.#options;
    const { address, bytes } = object;
    if (bytes.length === 0) return void (await this.get(object));
    const first = random.below(bytes.length);
    const last = first + random.below(bytes.length - first);
    const expected = this.#expected(object);
    const headers = { range: `bytes=${first}-${last}` };
    const answer = await this.#asker.send("range", { target: `/o/${address}`, headers }, !expected.mayBeDamaged);
    if (!this.#isThere(answer, expected)) return;
    const isRight = answer.status === 206 && isSame(answer.body, bytes.subarray(first, last + 1));
    checks.that("bytes-are-right", isRight, () => `wrong range of ${address} (${answer.status})`);
  }

  async stat(object: WorkObject): Promise<void> {
    const { checks } = this.#options;
    const { address, bytes } = object;
    const expected = this.#expected(object);
    const answer = await this.#asker.send("stat", { target: `/stat/${address}` });
    if (!this.#isThere(answer, expected)) return;
    const said = factsIn(answer);
    const isRight = said.address === address && said.size === bytes.length;
    checks.that("bytes-are-right", isRight, () => `wrong facts of ${address}: ${JSON.stringify(said)}`);
  }

  async ask(target: string): Promise<void> {
    const answer = await this.#asker.send("ask", { target });
    if (answer !== undefined && answer.status !== 200) this.#asker.mayRefuse(answer, target, false);
  }

  /** To be asked when a request is sent: one that was under way before the object was acknowledged may miss it. */
  #expected(object: WorkObject): Expected {
    const { acknowledged, damage } = this.#options.ledger;
    const mayBeForgotten = damage.mayBeForgotten(object);
    return { object, mustBe: acknowledged.has(object.address), mayBeDamaged: damage.mayBe(object), mayBeForgotten };
  }

  /** Whether there is an answer with something of the object in it. */
  #isThere(answer: Answered | undefined, expected: Expected): answer is Answered {
    if (answer === undefined) return false;
    const { checks, ledger } = this.#options;
    const { mustBe, object, mayBeForgotten } = expected;
    const { address } = object;
    const isLost = answer.status === 404 && mustBe && !mayBeForgotten && !ledger.damage.mayBeForgotten(object);
    if (mustBe) {
      checks.that("nothing-acknowledged-is-lost", !isLost, () => `${address} was acknowledged, and is not there`);
    }
    if (answer.status === 404) return false;
    if (answer.status < 400 && answer.complete) return true;
    if (this.#saysDamaged(answer, expected)) return false;
    this.#asker.mayRefuse(answer, address, this.#options.mayHide && isHidden(answer));
    return false;
  }

  /** What has decayed is refused, or breaks off where it comes to that. */
  #saysDamaged(answer: Answered, { object, mayBeDamaged }: Expected): boolean {
    const { ledger } = this.#options;
    const mayBe = ledger.damage.mayBe(object);
    const isTold = answer.status === 502 || (!answer.complete && answer.isCalm);
    if (!isTold || !(mayBe || mayBeDamaged)) return false;
    if (mayBe) ledger.damage.told(object);
    ledger.count("damaged");
    return true;
  }
}

/** Some record of it could not be read. */
function isHidden({ status, complete }: WorldAnswer): boolean {
  return status === 502 || !complete;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function factsIn({ body }: WorldAnswer): { readonly address: string; readonly size: number } {
  return JSON.parse(Buffer.from(body).toString("utf8"));
}
