/**
 * A change of the configuration, everywhere or nowhere: offered to every cell, and put in force when all accept.
 *
 * A cell that is down has no say, nor has one that begins while the others still think: it gets what is in force then.
 */
import { isDeepStrictEqual } from "node:util";
import { checkSections } from "#runtime/config/section.ts";
import { type ConfigSnapshot, configSnapshot } from "#runtime/config/snapshot.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";
import { describeInvalid, NODE_SECTION, readNodeSection } from "#supervisor/root/node.ts";

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
  readonly #sections: readonly string[];
  #current: ConfigSnapshot;

  /** `sections`: the names that the file may have. */
  constructor(initial: ConfigTable, takers: readonly ConfigTaker[], sections: readonly string[]) {
    this.#current = configSnapshot(1, initial);
    this.#takers = takers;
    this.#sections = sections;
  }

  get current(): ConfigSnapshot {
    return this.#current;
  }

  async offer(raw: ConfigTable): Promise<Result<void, ConfigRefused>> {
    const refused = refusedByRoot(raw, this.#sections);
    if (refused !== undefined) return fail({ code: "supervisor.config-refused", by: "root", problem: refused });
    if (!isDeepStrictEqual(raw[NODE_SECTION], this.#current.raw[NODE_SECTION])) {
      const problem = `[${NODE_SECTION}] counts when the node starts: restart it`;
      return fail({ code: "supervisor.config-refused", by: "root", problem });
    }

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
}

/** One line about what no cell needs to be asked about: sections that nobody reads, and values that no setting has. */
export function refusedByRoot(raw: ConfigTable, sections: readonly string[]): string | undefined {
  const sectionsChecked = checkSections(raw, [...sections, NODE_SECTION]);
  const checked = sectionsChecked.ok ? readNodeSection(raw, {}) : sectionsChecked;
  return checked.ok ? undefined : describeInvalid(checked.failure);
}
