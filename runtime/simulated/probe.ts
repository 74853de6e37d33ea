/** An actor that a test plays itself: what the actor under test says to it is kept, and answered as the test has it. */
import type { CallFailure } from "#runtime/call-failure.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import { typeRef } from "#runtime/link/erased-ref.ts";
import type { CallName, FailureOf, Protocol, ReplyOf, RequestOf } from "#runtime/protocol.ts";
import type { CallOptions, Down, Ref } from "#runtime/ref.ts";

/** How calls are answered. One without an answer here is `runtime.actor-stopped`. */
export type ProbeAnswers<P> = {
  readonly [N in CallName<P>]?: (
    request: RequestOf<P, N>,
  ) =>
    | Promise<Result<ReplyOf<P, N>, FailureOf<P, N> | CallFailure>>
    | Result<ReplyOf<P, N>, FailureOf<P, N> | CallFailure>;
};

/** One message that came to a probe. */
export interface Heard {
  readonly form: "call" | "cast";
  readonly name: string;
  readonly request: unknown;
}

/** An actor in name only. */
export interface Probe<P extends Protocol<P>> {
  /** What the actor under test is given. */
  readonly ref: Ref<P>;
  /** Everything that was said to it, the oldest first. */
  readonly heard: readonly Heard[];
  /** Ends it as far as its monitors can tell. */
  down(reason: Down["reason"]): void;
}

/** Its answers come when they are ready, whatever the caller's deadline: a call that has to time out is never answered. */
export function probe<P extends Protocol<P>>(name: string, answers: ProbeAnswers<P> = {}): Probe<P> {
  const heard: Heard[] = [];
  const monitors = new Set<(down: Down) => void>();
  const answerTo = answers as Readonly<Record<string, ((request: unknown) => Result<unknown, Failure>) | undefined>>;
  const ref = {
    name,
    call: async (call: string, request: unknown, _options: CallOptions): Promise<Result<unknown, Failure>> => {
      heard.push({ form: "call", name: call, request });
      const answer = answerTo[call];
      return answer === undefined
        ? fail({ code: "runtime.actor-stopped", actor: name, executed: "no" })
        : await answer(request);
    },
    cast: (cast: string, request: unknown) => {
      heard.push({ form: "cast", name: cast, request });
      return "accepted" as const;
    },
    monitor: (onDown: (down: Down) => void) => {
      monitors.add(onDown);
      return () => void monitors.delete(onDown);
    },
  };
  return {
    ref: typeRef<P>(ref),
    heard,
    down: (reason) => {
      const told = [...monitors];
      monitors.clear();
      for (const onDown of told) onDown({ actor: name, incarnation: 1, reason });
    },
  };
}
