/** The actors of a system: who is there, by name and by what it runs. */
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { assert, Defect } from "#runtime/errors.ts";
import type { Machine } from "#runtime/machine.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import { checkWorker } from "#supervisor/system/bounds.ts";
import type { FindRef, Worker } from "#supervisor/system/worker.ts";

export class Workers {
  readonly #machine: Machine;
  readonly #actors = new Map<string, Actor>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Makes the worker's actor. Its deps see only those that were added before it. */
  add({ spec, behavior, deps }: Worker): Actor {
    const { name, mailbox, laterMax, shutdownMs } = spec;
    assert(name !== "", "a worker has a name");
    assert(!this.#actors.has(name), `one worker of a system is called ${name}`);
    checkWorker(spec);
    const actor = new Actor({ name, behavior, deps: deps(this.ref), mailbox, laterMax, shutdownMs }, this.#machine);
    this.#actors.set(name, actor);
    return actor;
  }

  find(name: string): Actor | undefined {
    return this.#actors.get(name);
  }

  forget(name: string): void {
    this.#actors.delete(name);
  }

  readonly ref: FindRef = <P extends Protocol<P>, Events, Deps, State>(
    behavior: Behavior<P, Events, Deps, State>,
    name?: string,
  ): Ref<P> => {
    // By identity: the types of the actor's own behavior are forgotten.
    const asked = name === undefined ? [...this.#actors.values()] : [this.#actors.get(name)];
    const [actor, another] = asked.filter((one) => one !== undefined && Object.is(one.behavior, behavior));
    if (actor === undefined) throw new Defect(`no worker${called(name)} runs ${behavior.name}, here or so far`);
    assert(another === undefined, `several workers run ${behavior.name}: ask for one by name`);
    return actor.ref<P>();
  };
}

function called(name: string | undefined): string {
  return name === undefined ? "" : ` called ${name}`;
}
