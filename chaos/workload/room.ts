/**
 * Whether a node has said that it has no room for what is put, as far as its clients can tell: `/readyz` has to close writes then
 * (GW-33), until something is stored, or for as long as a gateway remembers.
 */
import { FULL_MEMORY_MS } from "#actors/gateway/write-gate.ts";
import { fieldsIn } from "#chaos/workload/said.ts";
import type { World, WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import { second } from "#runtime/units.ts";

/** Refusals that close writes. */
const FULL: ReadonlySet<unknown> = new Set(["storage.full", "storage.limit-reached"]);
/** What was sent and not answered has become something by then. */
const DOUBT_MS: number = 30 * second;
/** Between what is said to a client and what the node remembers of it. */
const SLACK_MS: number = 1 * second;

/** What is put, whole or in pieces. Where somebody asks how far an upload is, it may become an object. */
const PUTS = /^(?:(?:PUT|POST) \/(?:put|o\/[^/]+)|(?:POST|PATCH|HEAD) \/uploads(?:\/[^/]+)?)$/;

export class Room {
  readonly #world: Pick<World, "clock" | "request">;
  #underWay = 0;
  #storedCount = 0;
  #refusedMs = Number.NEGATIVE_INFINITY;
  #doubtMs = Number.NEGATIVE_INFINITY;
  /** Nothing was stored since. */
  #fullMs: number | undefined;

  constructor(world: Pick<World, "clock" | "request">) {
    this.#world = world;
  }

  get clock(): Clock {
    return this.#world.clock;
  }

  /** As the world does; all that may be stored has to be asked for here. */
  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
    const { method = "GET", target } = request;
    if (!PUTS.test(`${method} ${target}`)) return await this.#world.request(request);
    this.#underWay += 1;
    const answer = await this.#world.request(request);
    this.#underWay -= 1;
    const nowMs = this.clock.nowMs();
    // HEAD of an upload is refused for want of room as for anything else that passes.
    if (answer?.complete !== true || answer.status === 423) this.#doubtMs = nowMs;
    else if (answer.status < 300) this.#stored();
    else if (answer.status === 507 && FULL.has(fieldsIn(answer)["code"])) {
      this.#refusedMs = nowMs;
      this.#fullMs = nowMs;
    }
    return answer;
  }

  /** Changes whenever something was stored. */
  get storedCount(): number {
    return this.#storedCount;
  }

  /** Whether writes have to be closed by a gateway that has lived since `sinceMs`. */
  isFull(sinceMs: number): boolean {
    const nowMs = this.clock.nowMs();
    const fullMs = this.#fullMs ?? Number.NEGATIVE_INFINITY;
    const isRemembered = fullMs > sinceMs && nowMs - fullMs < FULL_MEMORY_MS - SLACK_MS;
    return isRemembered && this.#underWay === 0 && nowMs - this.#doubtMs > DOUBT_MS;
  }

  /** Whether they may be: somebody was refused, or may have been. */
  mayBeFull(): boolean {
    const nowMs = this.clock.nowMs();
    const isRemembered = nowMs - this.#refusedMs < FULL_MEMORY_MS + SLACK_MS;
    return isRemembered || this.#underWay > 0 || nowMs - this.#doubtMs < FULL_MEMORY_MS + DOUBT_MS;
  }

  #stored(): void {
    this.#storedCount += 1;
    this.#fullMs = undefined;
  }
}
