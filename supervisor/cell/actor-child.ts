/** An actor as a child of its cell's supervisor. */
import type { Actor } from "#runtime/actor.ts";
import { Defect, type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";

export class ActorChild implements Child {
  readonly name: string;
  readonly #actor: Actor;
  readonly #onUnclean: () => void;
  #onExit: (reason: ExitReason) => void = () => undefined;
  #isStarting = false;
  #exitWhileStarting: ExitReason | undefined;

  /** `onUnclean`: something of a past life could not be closed in time, and only the end of the cell frees it. */
  constructor(actor: Actor, onUnclean: () => void) {
    this.name = actor.name;
    this.#actor = actor;
    this.#onUnclean = onUnclean;
    actor.onExit((reason) => {
      // A failed start is an exit to the actor; the supervisor hears of it once, as the outcome of `start`.
      if (this.#isStarting) this.#exitWhileStarting = reason;
      else this.#onExit(reason);
    });
  }

  async start(): Promise<Result<void, StartFailed>> {
    this.#isStarting = true;
    this.#exitWhileStarting = undefined;
    const started = await this.#actor.start();
    this.#isStarting = false;
    const exit: ExitReason | undefined = this.#exitWhileStarting;
    if (!started.ok && started.failure.code === "runtime.not-closed") this.#onUnclean();
    if (started.ok && exit === undefined) return ok();
    const reason: ExitReason = exit ?? { kind: "crashed", defect: new Defect("the last life is not closed") };
    return fail({ code: "supervisor.start-failed", child: this.name, reason });
  }

  async stop(): Promise<void> {
    const { clean } = await this.#actor.stop();
    if (!clean) this.#onUnclean();
  }

  kill(): void {
    this.#actor.kill(new Defect("killed"));
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
