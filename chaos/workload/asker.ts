/** How a client asks: what it is told is counted, and held against what may be refused, and when. */
import type { Calm } from "#chaos/calm.ts";
import type { Checks } from "#chaos/checks.ts";
import type { Ledger } from "#chaos/ledger.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import type { World, WorldAnswer, WorldRequest } from "#chaos/world.ts";

export interface AskerOptions {
  readonly world: Pick<World, "request" | "clock">;
  readonly ledger: Ledger;
  readonly checks: Checks;
  readonly calm: Pick<Calm, "dayOf">;
  /** Where it is. The operator, where it is not said. */
  readonly from?: ClientGroup;
  /** The gateway is made to crash in the middle of a request, which is answered as what it is: a defect. */
  readonly mayPanic: boolean;
}

/** An answer, and whether nothing was wrong from the request to it. */
export interface Answered extends WorldAnswer {
  readonly isCalm: boolean;
}

/** Statuses of refusals that say that the same request may succeed later; 423 is one about an upload in pieces. */
const LATER: ReadonlySet<number> = new Set([408, 423, 429, 503, 507]);

export class Asker {
  readonly #options: AskerOptions;

  constructor(options: AskerOptions) {
    this.#options = options;
  }

  /**
   * Whoever breaks off is answered, or not. Nor does what is damaged have to be: a connection that is reset takes with it what
   * was on its way.
   */
  async send(what: string, request: WorldRequest, mustAnswer: boolean = true): Promise<Answered | undefined> {
    const { world, calm, checks, ledger, from } = this.#options;
    const day = calm.dayOf(from);
    const sentMs = world.clock.nowMs();
    const answer = await world.request({ ...request, from });
    ledger.took(world.clock.nowMs() - sentMs);
    const isCalm = day !== undefined && day === calm.dayOf(from);
    if (isCalm && mustAnswer)
      checks.that("served-while-nothing-is-wrong", answer !== undefined, () => `${what} is not answered`);
    ledger.count(answer === undefined ? `${what} without answer` : what);
    return answer === undefined ? undefined : { ...answer, isCalm };
  }

  /** To be said of an answer that is a refusal. One that `isExpected` may come on a calm day. */
  mayRefuse(answer: Answered, what: string, isExpected: boolean): void {
    const { checks, ledger, mayPanic } = this.#options;
    const said = (): string => `${what}: ${answer.status} ${Buffer.from(answer.body).toString("utf8").slice(0, 300)}`;
    // What the disk could not read a moment ago is looked at again when it is asked for.
    const isStruck = answer.status === 502 || (answer.status === 500 && mayPanic);
    const isLater = LATER.has(answer.status) || !answer.complete || (isStruck && (isExpected || !answer.isCalm));
    checks.that("refusals-may-be-tried-again", isLater, said);
    if (answer.isCalm && !isExpected) checks.that("served-while-nothing-is-wrong", false, said);
    ledger.count(`refused ${answer.status}`);
  }
}
