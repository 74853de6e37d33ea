/**
 * The calls to one cell that wait for a link, or for credit on it: a line for each target, first come, first served.
 *
 * A target that has no room holds up its own line and no other. All lines together are bounded, and shared like credit.
 */
import type { RemoteCall } from "#runtime/link/remote-call.ts";
import { isWithinShare, type Target } from "#runtime/link/target.ts";

export class WaitingCalls {
  readonly #callsMax: number;
  /** Those with somebody in line. */
  readonly #targets = new Set<Target>();
  #count = 0;

  constructor(callsMax: number) {
    this.#callsMax = callsMax;
  }

  /** False, and nothing is kept, when there is no room. */
  add(call: RemoteCall): boolean {
    const { target } = call;
    if (!isWithinShare(target.waiting.size, this.#callsMax - this.#count)) return false;
    target.waiting.add(call);
    this.#targets.add(target);
    this.#count += 1;
    return true;
  }

  remove(call: RemoteCall): void {
    const { target } = call;
    if (!target.waiting.delete(call)) return;
    this.#count -= 1;
    if (target.waiting.size === 0) this.#targets.delete(target);
  }

  /** Offers the first of each line to `admit` for as long as it takes them. */
  serve(admit: (call: RemoteCall) => boolean): void {
    for (const target of this.#targets) {
      for (const call of target.waiting) {
        if (!admit(call)) break;
        this.remove(call);
      }
    }
  }

  /** All of them, who wait no longer. */
  takeAll(): readonly RemoteCall[] {
    const calls = [...this.#targets].flatMap(({ waiting }) => [...waiting]);
    for (const call of calls) this.remove(call);
    return calls;
  }
}
