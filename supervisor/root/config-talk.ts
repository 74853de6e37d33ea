/**
 * What the present life of a cell is told about the configuration, and what it says to that.
 *
 * - A cell answers its offers in their order; one that comes after its time is still the answer to its own offer.
 * - What is in force is in force everywhere: a life that cannot work with it does not go on.
 */
import type { Clock } from "#runtime/clock.ts";
import type { ConfigSnapshot } from "#runtime/config/snapshot.ts";
import type { Order } from "#supervisor/wire.ts";

export interface ConfigTalkOptions {
  readonly clock: Clock;
  /** False when nobody is there to hear it. */
  readonly send: (order: Order) => boolean;
  /** The life was not asked before, and cannot work with what is in force. */
  readonly onUnfit: (problem: string) => void;
}

export class ConfigTalk {
  readonly #options: ConfigTalkOptions;
  #isUp = false;
  /** What the life began with, or has accepted since. */
  #heldVersion = 0;
  /** For the answers to come, the next one first. */
  #outstanding: ((problem: string | undefined) => void)[] = [];

  constructor(options: ConfigTalkOptions) {
    this.#options = options;
  }

  /** A life begins, and knows `config`. */
  begin(config: ConfigSnapshot): void {
    this.#heldVersion = config.version;
  }

  /** It has started. `config`: in force by now, which may be newer than what it began with. */
  started(config: ConfigSnapshot): void {
    this.#isUp = true;
    if (config.version !== this.#heldVersion) this.commit(config);
  }

  /** It is over. It has nothing against what it was offered: the next one begins with what is in force. */
  over(): void {
    this.#isUp = false;
    for (const answered of this.#outstanding.splice(0)) answered(undefined);
  }

  /** The answer to the oldest offer that has none. */
  answer(problem: string | undefined): void {
    this.#outstanding.shift()?.(problem);
  }

  /** Answers with what is wrong with `config`. A cell that is down accepts. */
  offer(config: ConfigSnapshot, withinMs: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(withinMs, () => resolve(`does not answer within ${withinMs} ms`));
      const answered = (problem: string | undefined): void => {
        timer.cancel();
        if (problem === undefined) this.#heldVersion = config.version;
        resolve(problem);
      };
      if (this.#offer(config, answered)) return;
      // It is not held: a life that has begun with an older one is told when it has started.
      timer.cancel();
      resolve(undefined);
    });
  }

  /** Puts `config` in force in the life that is up, also in one that was never offered it: it came up meanwhile. */
  commit(config: ConfigSnapshot): void {
    if (!this.#isUp) return;
    if (this.#heldVersion !== config.version) {
      this.#heldVersion = config.version;
      this.#offer(config, (problem) => problem === undefined || this.#options.onUnfit(problem));
    }
    this.#options.send({ kind: "config-commit", version: config.version });
  }

  #offer(config: ConfigSnapshot, answered: (problem: string | undefined) => void): boolean {
    if (!this.#isUp || !this.#options.send({ kind: "config-offer", config })) return false;
    this.#outstanding.push(answered);
    return true;
  }
}
