/** An actor as a child of its cell's supervisor. */
import type { Actor } from "#runtime/actor.ts";
import { Defect, type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";

const UNCLEAN: ExitReason = { kind: "crashed", defect: new Defect("the last life is not closed") };
const STOPPED: ExitReason = { kind: "shutdown" };

export class ActorChild implements Child {
  readonly name: string;
  readonly #actor: Actor;
  readonly #onUnclean: () => void;
  #onExit: (reason: ExitReason) => void = () => undefined;
  #pastLives = 0;
  #isStarting = false;
  #isStopping = false;
  #exitWhileStarting: ExitReason | undefined;

  /** `onUnclean`: a past life did not end clean (`Actor.stop`), and only the end of the cell frees what is left of it. */
  constructor(actor: Actor, onUnclean: () => void) {
    this.name = actor.name;
    this.#actor = actor;
    this.#onUnclean = onUnclean;
    actor.onExit((reason) => {
      // A failed start and a stop are exits to the actor; the supervisor hears of them as the outcomes of what it asked.
      if (this.#isStarting) this.#exitWhileStarting = reason;
      else if (!this.#isStopping) this.#onExit(reason);
    });
  }

  async start(): Promise<Result<void, StartFailed>> {
    this.#pastLives = this.#actor.incarnation;
    this.#isStarting = true;
    this.#isStopping = false;
    this.#exitWhileStarting = undefined;
    const started = await this.#actor.start();
    this.#isStarting = false;
    const exit: ExitReason | undefined = this.#exitWhileStarting;
    if (started.ok) {
      // It was up, and ended by a message that had waited for it before anybody could be told.
      if (exit !== undefined && !this.#isStopping) this.#onExit(exit);
      return ok();
    }
    const isUnclean = started.failure.code === "runtime.not-closed";
    if (isUnclean) this.#onUnclean();
    // Without an exit no life began: the last one is in the way, or `stop` came first.
    const reason = exit ?? (isUnclean ? UNCLEAN : STOPPED);
    return fail({ code: "supervisor.start-failed", child: this.name, reason });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const { clean } = await this.#actor.stop();
    if (!clean) this.#onUnclean();
  }

  kill(): void {
    this.#actor.kill(new Defect("killed"));
  }

  /** A start waits first for the end of the life before. */
  hasLife(): boolean {
    const { lifecycle, incarnation } = this.#actor;
    return lifecycle === "running" || (lifecycle === "starting" && incarnation > this.#pastLives);
  }

  refuse(): void {
    void this.#actor.stop();
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  onHealth(run: (state: "ready" | "degraded", reason: string | undefined) => void): void {
    this.#actor.onHealth(() => run(this.#actor.health.state, this.#actor.health.reason));
  }
}
