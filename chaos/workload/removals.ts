/**
 * Clients who put, read, remove, restore, hold and let go of a few objects, and what each of them was told, written down for the
 * checker of linearizability. Now and then one has the store collect, in every other run with the trash.
 *
 * These objects are nobody else's, and have chunks that others have too: what is given up with them must not be missed there.
 */
import { HistoryRecorder } from "#chaos/checkers/history-recorder.ts";
import type { ObjectAnswer, ObjectAsked } from "#chaos/checkers/object-model.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import { Asker, type AskerOptions } from "#chaos/workload/asker.ts";
import { objectApart } from "#chaos/workload/objects.ts";
import { Removable } from "#chaos/workload/removable.ts";
import { RemovalRequests } from "#chaos/workload/removal-requests.ts";
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

/** Objects in use at a time. */
const IN_USE = 3;
/** Of so many objects one is cut in one way only. */
const CUT_ONCE_ONE_IN = 2;

export interface RemovalsOptions extends Omit<AskerOptions, "from"> {
  readonly random: Random;
  /** The disk could not read something at some time. */
  readonly mayHide: boolean;
}

export class RemovalsWorkload {
  readonly recorder: HistoryRecorder<ObjectAsked, ObjectAnswer> = new HistoryRecorder();
  /** Whether what was removed may be given up in this run. */
  readonly emptiesTrash: boolean;
  readonly #options: RemovalsOptions;
  readonly #clients = new Map<ClientGroup | undefined, RemovalRequests>();
  /** Every object there ever was. */
  readonly #all: Removable[] = [];
  readonly #inUse: Removable[] = [];

  constructor(options: RemovalsOptions) {
    this.#options = options;
    this.emptiesTrash = options.random.below(2) === 0;
    while (this.#inUse.length < IN_USE) this.#inUse.push(this.#newObject());
  }

  /** One operation of any kind, of a client in this group. */
  async act(from: ClientGroup): Promise<void> {
    const { random } = this.#options;
    const requests = this.#of(from);
    const one = this.#pick();
    switch (random.below(14)) {
      case 0:
      case 1:
        return await requests.put(one, random.below(3) === 0);
      case 2:
      case 3:
      case 4:
        return await requests.remove(one);
      case 5:
      case 6:
        return await requests.restore(one);
      case 7:
        return await requests.pin(one, random.below(2) === 0);
      case 8:
        return await requests.unpin(one);
      case 9:
        return await requests.collect(this.emptiesTrash && random.below(2) === 0);
      default:
        await requests.read(one);
    }
  }

  /** Every object there ever was is read, and then restored: what was removed is there, unless it was given up. */
  async lookAtAll(): Promise<void> {
    const requests = this.#of(undefined);
    for (const one of this.#all) {
      await requests.read(one);
      await requests.restore(one);
      await requests.read(one);
    }
  }

  /** The process that was asked is gone: nothing that it was asked is done any more. */
  endOfLife(): void {
    this.recorder.settle(() => true);
    for (const { unknown } of this.#all) unknown.clear();
  }

  #of(from: ClientGroup | undefined): RemovalRequests {
    const known = this.#clients.get(from);
    if (known !== undefined) return known;
    const { recorder } = this;
    const asker = new Asker({ ...this.#options, ...(from === undefined ? {} : { from }) });
    const made = new RemovalRequests({ ...this.#options, asker, recorder, who: from ?? "last" });
    this.#clients.set(from, made);
    return made;
  }

  /** One that is in use; another one in the place of one that was used enough. */
  #pick(): Removable {
    const at = this.#options.random.below(IN_USE);
    const one = this.#inUse[at];
    assert(one !== undefined, "there are always so many objects in use");
    if (!one.isUsedUp) return one;
    const next = this.#newObject();
    this.#inUse[at] = next;
    return next;
  }

  #newObject(): Removable {
    const { random } = this.#options;
    const one = new Removable(objectApart(random, this.#all.length), random.below(CUT_ONCE_ONE_IN) === 0);
    this.#all.push(one);
    return one;
  }
}
