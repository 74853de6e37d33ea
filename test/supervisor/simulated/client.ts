/**
 * What clients of a simulated node do, and what must hold of the answers: nothing acknowledged is lost, no byte is wrong, a
 * refusal is one that may be tried again.
 */
import assert from "node:assert/strict";
import type { SimulatedAnswer, SimulatedRequest } from "#runtime/simulated/edge.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import type { SimulatedNode } from "#supervisor/simulated/node.ts";
import { anyObject, type TestObject, uploadOf } from "#test/supervisor/simulated/objects.ts";

/** What is known of the objects of one node, over all its lives. */
export class Ledger {
  /** Answered with 200 or 201: they are there from then on. */
  readonly acknowledged: Map<string, TestObject> = new Map();
  /** Sent at least in part: they may be there, whole. */
  readonly offered: Map<string, TestObject> = new Map();
  /** Answers, by what they were. */
  readonly tally: Record<string, number> = {};

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }
}

/** Statuses of refusals that say that the same request may succeed later. */
const LATER: ReadonlySet<number> = new Set([408, 429, 503, 507]);

export class Client {
  readonly #simulation: Simulation;
  readonly #node: SimulatedNode;
  readonly #ledger: Ledger;
  /** Whether nothing was done to the node since it was last seen ready: then every answer has to be a good one. */
  readonly #isCalm: () => boolean;

  constructor(simulation: Simulation, node: SimulatedNode, ledger: Ledger, isCalm: () => boolean) {
    this.#simulation = simulation;
    this.#node = node;
    this.#ledger = ledger;
    this.#isCalm = isCalm;
  }

  /** One request of any kind. */
  async act(): Promise<void> {
    const { random } = this.#simulation;
    const known = [...this.#ledger.offered.values()];
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
        return await this.get(object);
    }
  }

  async put(object: TestObject): Promise<void> {
    const { random, clock } = this.#simulation;
    const { offered, acknowledged } = this.#ledger;
    const { address, bytes } = object;
    const isBroken = random.below(12) === 0 && bytes.length > 0;
    const upload = { clock, random, ...(isBroken ? { failAt: random.below(bytes.length) } : {}) };
    offered.set(address, object);
    const answer = await this.#send("put", {
      method: "PUT",
      target: random.below(2) === 0 ? "/put" : `/o/${address}`,
      body: uploadOf(bytes, upload),
      headers: random.below(2) === 0 ? {} : { "cepa-chunker": "gear-fine/1" },
      ...(random.below(3) === 0 ? {} : { contentLength: bytes.length }),
    });
    if (answer === undefined) return;
    if (answer.status === 200 || answer.status === 201) {
      assert.equal(isBroken, false, "a body that broke off is not stored");
      assert.equal(factsIn(answer).address, address, "an object is what its bytes are");
      acknowledged.set(address, object);
      return;
    }
    if (isBroken && answer.status === 400) return;
    // A disk may be full on a calm day.
    this.#mayRefuse(answer, `put ${address}`, answer.status === 507);
  }

  async get(object: TestObject): Promise<void> {
    const { address, bytes } = object;
    const mustBe = this.#mustBe(object);
    const answer = await this.#send("get", { target: `/o/${address}` });
    if (!this.#isThere(answer, address, mustBe)) return;
    assert.equal(answer.status, 200);
    assert(Buffer.compare(answer.body, bytes) === 0, `wrong bytes for ${address}`);
  }

  async range(object: TestObject): Promise<void> {
    const { random } = this.#simulation;
    const { address, bytes } = object;
    if (bytes.length === 0) return await this.get(object);
    const first = random.below(bytes.length);
    const last = first + random.below(bytes.length - first);
    const mustBe = this.#mustBe(object);
    const answer = await this.#send("range", {
      target: `/o/${address}`,
      headers: { range: `bytes=${first}-${last}` },
    });
    if (!this.#isThere(answer, address, mustBe)) return;
    assert.equal(answer.status, 206);
    assert(Buffer.compare(answer.body, bytes.subarray(first, last + 1)) === 0, `wrong range of ${address}`);
  }

  async stat(object: TestObject): Promise<void> {
    const { address, bytes } = object;
    const mustBe = this.#mustBe(object);
    const answer = await this.#send("stat", { target: `/stat/${address}` });
    if (!this.#isThere(answer, address, mustBe)) return;
    assert.deepEqual([answer.status, factsIn(answer).address, factsIn(answer).size], [200, address, bytes.length]);
  }

  async ask(target: string): Promise<void> {
    const answer = await this.#send("ask", { target });
    if (answer !== undefined && answer.status !== 200) this.#mayRefuse(answer, target, false);
  }

  /** To be asked when a request is sent: one that was under way before the object was acknowledged may miss it. */
  #mustBe({ address }: TestObject): boolean {
    return this.#ledger.acknowledged.has(address);
  }

  /** Whether there is an answer with something of the object in it. */
  #isThere(answer: SimulatedAnswer | undefined, address: string, mustBe: boolean): answer is SimulatedAnswer {
    if (answer === undefined) return false;
    if (answer.status === 404) {
      assert(!mustBe, `${address} was acknowledged, and is not there`);
      return false;
    }
    if (answer.status >= 400 || !answer.complete) {
      this.#mayRefuse(answer, address, false);
      return false;
    }
    return true;
  }

  #mayRefuse(answer: SimulatedAnswer, what: string, isExpected: boolean): void {
    const said = `${answer.status} ${Buffer.from(answer.body).toString("utf8").slice(0, 300)}`;
    assert(LATER.has(answer.status) || !answer.complete, `${what} may be tried again: ${said}`);
    assert(isExpected || !this.#isCalm(), `${what} succeeds while nothing is wrong: ${said}`);
    this.#ledger.count(`refused ${answer.status}`);
  }

  async #send(what: string, request: SimulatedRequest): Promise<SimulatedAnswer | undefined> {
    const answer = await this.#node.request(request);
    assert(answer !== undefined || !this.#isCalm(), `${what} is answered while nothing is wrong`);
    this.#ledger.count(answer === undefined ? `${what} without answer` : what);
    return answer;
  }
}

function factsIn({ body }: SimulatedAnswer): { readonly address: string; readonly size: number } {
  return JSON.parse(Buffer.from(body).toString("utf8"));
}
