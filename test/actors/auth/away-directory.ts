/** A directory that a test takes away, gives back, and has break. */
import type { Directory } from "#actors/auth/directory/directory.ts";
import type { Clock } from "#runtime/clock.ts";
import { Defect, fail } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export class AwayDirectory {
  /** While set, nothing is asked, and that is answered. */
  isAway = false;
  /** While set, nothing is asked either, and that is answered when nobody waits any more. */
  hanging: Pick<Clock, "nowMs" | "after"> | undefined;
  /** While set, an operation of this name is a defect. */
  broken: string | undefined;
  /** While set, an operation of this name is not answered. */
  unreachable: string | undefined;
  /** Operations that were asked for, by their names. */
  readonly asked: string[] = [];
  readonly directory: Directory;

  constructor(directory: Directory) {
    this.directory = new Proxy(directory, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return async (...given: readonly unknown[]): Promise<unknown> => {
          this.asked.push(String(name));
          if (this.isAway || this.unreachable === name)
            return fail({ code: "sql.unreachable", executed: "no", cause: "it is away" });
          if (this.hanging !== undefined) return this.#hang(this.hanging, given.at(-1));
          if (this.broken === name) throw new Defect(`${name} is broken`);
          return Reflect.apply(member, target, given);
        };
      },
    });
  }

  #hang(clock: Pick<Clock, "nowMs" | "after">, within: unknown): Promise<unknown> {
    const { deadlineMs } = within as Within;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const answer = fail({ code: "sql.unreachable", executed: "maybe", cause: "it hangs" });
    clock.after(deadlineMs - clock.nowMs(), () => resolve(answer));
    return promise;
  }
}
