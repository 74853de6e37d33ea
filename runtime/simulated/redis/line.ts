/** One life of a connection to a simulated Redis: it is up until it is cut, and then nobody hears anything over it. */
import type { Result } from "#runtime/errors.ts";
import { unreachable } from "#runtime/redis/failures.ts";
import type { RedisUnreachable } from "#runtime/redis/redis.ts";

type Settle<Value> = (answer: Result<Value, RedisUnreachable>) => void;

export class Line {
  #isUp = true;
  readonly #waiting = new Set<Settle<never>>();
  readonly #onCut: ((cause: string) => void)[];

  constructor(onCut: (cause: string) => void) {
    this.#onCut = [onCut];
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** The server is told as well. */
  onCut(tell: () => void): void {
    this.#onCut.push(tell);
  }

  /** The first answer counts, and a cut line is one. */
  expect<Value>(): { readonly answer: Promise<Result<Value, RedisUnreachable>>; readonly settle: Settle<Value> } {
    const { promise: answer, resolve } = Promise.withResolvers<Result<Value, RedisUnreachable>>();
    const settle: Settle<Value> = (value) => {
      this.#waiting.delete(settle);
      resolve(value);
    };
    this.#waiting.add(settle);
    return { answer, settle };
  }

  cut(cause: string): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    for (const settle of this.#waiting) settle(unreachable("maybe", cause));
    for (const tell of this.#onCut) tell(cause);
  }

  /** Whoever waited is no more, so nobody is told but the server. */
  drop(): void {
    this.#waiting.clear();
    this.cut("nobody is left");
  }
}
