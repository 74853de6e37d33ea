/**
 * What an arm is: the same works, done by one system.
 *
 * A work is done a number of times and answered with how often the actors themselves say that it was done. Whoever sends
 * counts nothing: a message that was refused, dropped or lost must show.
 */

/** Does the work `count` times. Answers with how many times it was done, as the actors counted. */
export type Run = (count: number) => Promise<number>;

/** Actors that wait for messages. */
export interface Population {
  /** Sends each of them one message and answers with how many have handled it. */
  wake(): Promise<number>;
}

export interface Arm {
  /** Sets up what the work needs and answers with the work itself. A work that is left out is not offered. */
  readonly works: Readonly<Record<string, () => Promise<Run>>>;
  /** Starts `count` actors. Left out where there is no such thing as an actor. */
  populate?(count: number): Promise<Population>;
}

/** Calls under way at once, and lives. A batch is a multiple of it. */
export const IN_FLIGHT = 64;
/** Messages that a mailbox holds, where it is bounded. */
export const MAILBOX_CAPACITY = 1024;
/** Casts before the sender waits until all of them were handled: with the call behind them they fit a mailbox. */
export const BURST: number = MAILBOX_CAPACITY - 1;

/** The work of `IN_FLIGHT` lanes, each doing its share one after the other. */
export async function inFlight(count: number, once: () => Promise<unknown>): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let left = count / IN_FLIGHT; left > 0; left -= 1) await once();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** The sizes of the bursts that make `count`. */
export function burstsOf(count: number): readonly number[] {
  const bursts = new Array<number>(Math.floor(count / BURST)).fill(BURST);
  return count % BURST === 0 ? bursts : [...bursts, count % BURST];
}
