/**
 * A change of the configuration, everywhere or nowhere: offered to every cell, and put in force when all accept.
 *
 * A cell that is down has no say, nor has one that begins while the others still think: it gets what is in force then.
 */
import { type ConfigSnapshot, configSnapshot } from "#runtime/config/snapshot.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { type Failure, fail, must, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { describeInvalid } from "#supervisor/root/node.ts";
import { changedSettings, readRootConfig } from "#supervisor/root/root-config.ts";

/** Longest time that a cell may think about an offer; afterwards it counts as refused. */
export const CONFIG_OFFER_MS: number = 2 * second;

/** Somebody cannot work with the change. The configuration before it stays in force. */
export interface ConfigRefused extends Failure<"supervisor.config-refused"> {
  /** A cell, or `root`. */
  readonly by: string;
  readonly problem: string;
}

export interface ConfigTaker {
  readonly name: string;
  offer(config: ConfigSnapshot, withinMs: number): Promise<string | undefined>;
  /** Puts `config` in force in the life that is up now, whether that one was offered it or not. */
  commit(config: ConfigSnapshot): void;
}

export class ConfigRollout {
  readonly #takers: readonly ConfigTaker[];
  readonly #tree: NodeSpec;
  #current: ConfigSnapshot;

  /** The configuration is that of `tree`. */
  constructor(initial: ConfigTable, takers: readonly ConfigTaker[], tree: NodeSpec) {
    this.#current = configSnapshot(1, initial);
    this.#takers = takers;
    this.#tree = tree;
  }

  get current(): ConfigSnapshot {
    return this.#current;
  }

  async offer(raw: ConfigTable): Promise<Result<void, ConfigRefused>> {
    const problem = this.#refusedByRoot(raw);
    if (problem !== undefined) return fail({ code: "supervisor.config-refused", by: "root", problem });

    const next = configSnapshot(this.#current.version + 1, raw);
    const answers = await Promise.all(
      this.#takers.map(async (taker) => ({ by: taker.name, problem: await taker.offer(next, CONFIG_OFFER_MS) })),
    );
    const refusals = answers.filter(({ problem }) => problem !== undefined);
    if (refusals.length > 0) {
      const by = refusals.map((refusal) => refusal.by).join(", ");
      return fail({
        code: "supervisor.config-refused",
        by,
        problem: refusals.map(({ problem }) => problem).join("; "),
      });
    }
    this.#current = next;
    for (const taker of this.#takers) taker.commit(next);
    return ok();
  }

  /**
   * One line about what no cell needs to be asked about: what is wrong for the root, and what it cannot change while it runs.
   * The environment does not change, and was read at the start.
   */
  #refusedByRoot(raw: ConfigTable): string | undefined {
    const wanted = readRootConfig(this.#tree, raw, {});
    if (!wanted.ok) return describeInvalid(wanted.failure);
    const current = must(
      readRootConfig(this.#tree, this.#current.raw, {}),
      "the configuration in force was read before",
    );
    const changed = changedSettings(current, wanted.value);
    return changed === undefined ? undefined : `${changed} counts when the node starts: restart it`;
  }
}
