/** Long histories of registers as a right server makes them: each operation takes effect at one moment while it is under way. */
import type { Random } from "#runtime/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import {
  operation,
  type RegisterAnswer,
  type RegisterAsked,
  type RegisterOperation,
  read,
  register,
  swap,
  write,
} from "#test/chaos/checkers/register.ts";

export interface HistoryPlan {
  readonly seed: number;
  readonly count: number;
  /** So many are under way at once, at all keys together: each client asks, waits, and asks again. */
  readonly clients: number;
  readonly keys: number;
  /** Of the answers so many are lost. Default none. */
  readonly unknownPercent?: number;
}

/** Moments are all different: the count of those before. Values that are written are too. */
export function longHistory({
  seed,
  count,
  clients,
  keys,
  unknownPercent = 0,
}: HistoryPlan): readonly RegisterOperation[] {
  const random = seededRandom(seed);
  const states = new Map<string, number>();
  const history: RegisterOperation[] = [];
  const underWay: (Asking | undefined)[] = Array.from({ length: clients }, () => undefined);
  let now = 0;
  for (let begun = 0; history.length < count; ) {
    now += 1;
    const at = random.below(clients);
    const asking = underWay[at];
    if (asking === undefined) {
      if (begun === count) continue;
      begun += 1;
      const key = `k${random.below(keys)}`;
      underWay[at] = { key, asked: askOf(random, states.get(key) ?? 0, begun), invokedAt: now, answer: undefined };
      continue;
    }
    asking.answer ??= takeEffect(asking, states);
    if (random.below(2) === 0) continue;
    underWay[at] = undefined;
    const isLost = random.below(100) < unknownPercent;
    const { key, asked, invokedAt, answer } = asking;
    history.push(
      isLost
        ? operation(`c${at}`, [invokedAt], asked, { kind: "unknown" }, key)
        : operation(`c${at}`, [invokedAt, now], asked, { kind: "ok", answer }, key),
    );
  }
  return history;
}

/** A late read is answered with what an early one saw. */
export function withStaleRead(history: readonly RegisterOperation[]): readonly RegisterOperation[] {
  const isRead = ({ asked, outcome }: RegisterOperation): boolean => asked.kind === "read" && outcome.kind === "ok";
  const late = history.findLastIndex(isRead);
  const key = history[late]?.key;
  const early = history.find((each) => isRead(each) && each.key === key);
  return history.map((each, index) =>
    index === late && early !== undefined ? { ...each, outcome: early.outcome } : each,
  );
}

interface Asking {
  readonly key: string;
  readonly asked: RegisterAsked;
  readonly invokedAt: number;
  answer: RegisterAnswer | undefined;
}

function askOf(random: Random, state: number, unique: number): RegisterAsked {
  switch (random.below(3)) {
    case 0:
      return read;
    case 1:
      return write(unique);
    default:
      return swap(state, unique);
  }
}

function takeEffect({ key, asked }: Asking, states: Map<string, number>): RegisterAnswer {
  const before = states.get(key) ?? 0;
  const after = register.step(before, asked, { kind: "unknown" }) ?? before;
  states.set(key, after);
  return asked.kind === "read" ? before : asked.kind === "write" || before === asked.from;
}
