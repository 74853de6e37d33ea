/**
 * The configuration sections of the actors in one cell: read together, offered together, put in force together.
 *
 * A section has the name of its actor. An offer is kept until it is committed or the next one comes.
 */
import type { ConfigView, NodeFacts } from "#runtime/actor-module.ts";
import { describeProblem, type Environment, readSection } from "#runtime/config/section.ts";
import { ConfigHolder, type ConfigSnapshot } from "#runtime/config/snapshot.ts";
import { assert } from "#runtime/errors.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";

type Values = ReadonlyMap<string, unknown>;

export class Sections {
  readonly #modules: ReadonlyMap<string, ErasedModule>;
  readonly #environment: Environment;
  readonly #node: Pick<NodeFacts, "amnesia">;
  readonly #holders = new Map<string, ConfigHolder<unknown>>();
  #offered: { readonly version: number; readonly values: Values } | undefined;

  constructor(modules: ReadonlyMap<string, ErasedModule>, environment: Environment, node: Pick<NodeFacts, "amnesia">) {
    this.#modules = modules;
    this.#environment = environment;
    this.#node = node;
  }

  /** Checks `config` and keeps it for `commit`. Answers with all that is wrong, in one line. */
  offer(config: ConfigSnapshot): string | undefined {
    this.#offered = undefined;
    const values = new Map<string, unknown>();
    const problems: string[] = [];
    for (const [name, actorModule] of this.#modules) {
      const read = readSection<unknown>(actorModule.configSchema, name, config.raw[name], this.#environment);
      if (!read.ok) {
        problems.push(...read.failure.problems.map((problem) => describeProblem(read.failure.section, problem)));
        continue;
      }
      const problem = actorModule.checkConfig?.(read.value as never, this.#node);
      if (problem !== undefined) problems.push(problem);
      values.set(name, read.value);
    }
    if (problems.length > 0) return problems.join("; ");
    this.#offered = { version: config.version, values };
    return undefined;
  }

  /** Puts the offer with this version in force; another version is ignored. */
  commit(version: number): void {
    if (this.#offered?.version !== version) return;
    for (const [name, value] of this.#offered.values) {
      const holder = this.#holders.get(name);
      if (holder === undefined) this.#holders.set(name, new ConfigHolder(value));
      else holder.swap(value);
    }
    this.#offered = undefined;
  }

  /** What the actor reads. Only after the first commit. */
  view(name: string): ConfigView<never> {
    const holder = this.#holders.get(name);
    assert(holder !== undefined, `the section of ${name} was read`);
    return holder as ConfigView<unknown> as ConfigView<never>;
  }
}
