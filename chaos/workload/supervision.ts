/** Looks at the states of a node's parts all the time, and holds them against the rules of supervision. */
import { SupervisionRules } from "#chaos/checkers/supervision.ts";
import type { Checks } from "#chaos/checks.ts";
import type { Nemesis } from "#chaos/nemesis.ts";
import { passed, type World } from "#chaos/world.ts";

/** Between two looks. */
const LOOK_MS = 250;

export interface SupervisionWatchOptions {
  readonly world: Pick<World, "clock" | "status">;
  readonly nemesis: Pick<Nemesis, "epoch">;
  readonly checks: Checks;
}

export class SupervisionWatch {
  readonly #options: SupervisionWatchOptions;
  readonly #rules = new SupervisionRules();
  #isOver = false;

  constructor(options: SupervisionWatchOptions) {
    this.#options = options;
  }

  /** Until `stop`. */
  async run(): Promise<void> {
    const { world, nemesis, checks } = this.#options;
    while (!this.#isOver) {
      await passed(world, LOOK_MS);
      const { epoch } = nemesis;
      const status = await world.status();
      // A node that is about to end may be another one when it answers.
      if (status === undefined || epoch === undefined || nemesis.epoch !== epoch) continue;
      const problems = this.#rules.look(world.clock.nowMs(), epoch, status);
      checks.that("supervision-keeps-its-rules", problems.length === 0, () => problems.join("; "));
    }
  }

  stop(): void {
    this.#isOver = true;
  }
}
