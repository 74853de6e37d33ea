/**
 * The tasks that one incarnation has begun with `ctx.later`: those in flight, and those that wait for a place.
 *
 * The user lane is only served while there is a place. Timers and DOWNs come without looking for one, because they may
 * be what ends the tasks that hold the places.
 */
import { assert } from "#runtime/errors.ts";
import type { TaskSlot } from "#runtime/later.ts";
import { CONTROL_LANE_MAX } from "#runtime/mailbox.ts";
import type { Message } from "#runtime/message.ts";
import { Roster } from "#runtime/roster.ts";

export class Tasks {
  readonly #placesMax: number;
  readonly #slots = new Roster<TaskSlot>();
  readonly #waiting: (() => void)[] = [];
  #isOver = false;

  constructor(placesMax: number) {
    this.#placesMax = placesMax;
  }

  get count(): number {
    return this.#slots.size;
  }

  /** `begin` runs now, or when a place is free. */
  place(slot: TaskSlot, begin: () => void): void {
    const hasRoom = this.#slots.size - this.#waiting.length < this.#placesMax;
    assert(this.#waiting.length < CONTROL_LANE_MAX, "tasks that wait for a place are bounded");
    slot.place = this.#slots.enter(slot);
    if (hasRoom) begin();
    else this.#waiting.push(begin);
  }

  /** Its place is free. */
  leave(slot: TaskSlot): void {
    if (slot.place !== undefined) this.#slots.leave(slot.place);
    if (!this.#isOver) this.#waiting.shift()?.();
  }

  /** The incarnation has ended: none begins any more. Answers with the messages that tasks were about. */
  end(): ReadonlySet<Message> {
    this.#isOver = true;
    const messages = new Set<Message>();
    for (const { message } of this.#slots.items()) if (message !== undefined) messages.add(message);
    return messages;
  }

  /** When all that began have settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#slots.items().map((slot) => slot.settled));
  }
}
