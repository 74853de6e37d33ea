/**
 * Clients who send objects in pieces, several at a time: they break off, go on where the node says that it is, cancel a few, and
 * are told the address in the end. What is under way when all has healed the operator finishes.
 */
import type { Fault } from "#chaos/fault.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import type { BegunUpload } from "#chaos/workload/begun-upload.ts";
import { PieceRequests, type PieceRequestsOptions } from "#chaos/workload/piece-requests.ts";
import { passed } from "#chaos/world.ts";
import { hour, second } from "#runtime/units.ts";

/** Uploads of one client at a time. */
const UNDER_WAY_MAX = 4;
const CANCELLED_ONE_IN = 40;
/** Of so many times one asks where an upload is, though that is known. */
const ASKS_ONE_IN = 8;
/** Requests that finish an upload, and the time between two. */
const FINISH_MAX = 64;
const AGAIN_MS = 100;
/** Uploads that are over, the last ones of all clients, of which it is asked at the end what became of them. */
const OVER_MAX = 32;

/** Short of the age at which an upload is forgotten, where no plan says another. */
const AGE_MS: number = 23 * hour;

export type PiecesOptions = Omit<PieceRequestsOptions, "from">;

export class PiecesWorkload {
  readonly #options: PiecesOptions;
  readonly #underWay = new Map<ClientGroup, BegunUpload[]>();
  #over: BegunUpload[] = [];

  constructor(options: PiecesOptions) {
    this.#options = options;
  }

  /** One request of a client in this group. */
  async act(from: ClientGroup): Promise<void> {
    const { random } = this.#options;
    const requests = new PieceRequests({ ...this.#options, from });
    const uploads = this.#of(from);
    const upload = uploads[random.below(Math.max(1, uploads.length))];
    if (upload === undefined || (uploads.length < UNDER_WAY_MAX && random.below(UNDER_WAY_MAX) === 0)) {
      const begun = await requests.begin();
      if (begun !== undefined) this.#keep(from, begun);
      return;
    }
    if (random.below(CANCELLED_ONE_IN) === 0) await requests.cancel(upload);
    else if (random.below(ASKS_ONE_IN) === 0 && !upload.isLeaving) await requests.ask(upload);
    else await goOn(requests, upload, true);
    this.#settle(from);
  }

  /** To be called when nothing is wrong any more. */
  async finish(): Promise<void> {
    const { checks, world } = this.#options;
    const requests = new PieceRequests(this.#options);
    for (const [from, uploads] of this.#underWay) {
      for (const upload of [...uploads]) {
        for (let steps = 0; upload.end === undefined && steps < FINISH_MAX; steps += 1) {
          await goOn(requests, upload, false);
          if (upload.offsetBytes === undefined) await passed(world, AGAIN_MS);
        }
        const said = (): string => `${upload.target} was at ${upload.model.saidBytes}, and does not come to an end`;
        checks.that("nothing-acknowledged-is-lost", upload.end !== undefined, said);
      }
      this.#settle(from);
    }
    for (const upload of this.#over) await requests.lookBack(upload);
  }

  #of(from: ClientGroup): readonly BegunUpload[] {
    return this.#underWay.get(from) ?? [];
  }

  #keep(from: ClientGroup, upload: BegunUpload): void {
    this.#underWay.set(from, [...this.#of(from), upload]);
    this.#settle(from);
  }

  #settle(from: ClientGroup): void {
    const uploads = this.#of(from);
    const over = uploads.filter(({ end }) => end !== undefined);
    this.#underWay.set(
      from,
      uploads.filter(({ end }) => end === undefined),
    );
    this.#over = [...this.#over, ...over].slice(-OVER_MAX);
  }
}

/** The next request of an upload that is not over. */
async function goOn(requests: PieceRequests, upload: BegunUpload, mayFail: boolean): Promise<void> {
  if (upload.isLeaving) return await requests.cancel(upload);
  if (upload.offsetBytes === undefined || upload.isComplete) return await requests.ask(upload);
  await requests.add(upload, mayFail);
}

/** Whether so much wall time may seem to pass that an upload is forgotten for its age. */
export function mayForgetIn(faults: readonly Fault[]): boolean {
  return faults.reduce((sum, fault) => sum + Math.max(0, gainedMs(fault)), 0) >= AGE_MS;
}

function gainedMs(fault: Fault): number {
  if (fault.kind === "clock-jump") return fault.byMs;
  return fault.kind === "clock-drift" ? (fault.gainMs * fault.forMs) / second : 0;
}
