/** A run of the real bus, to be held against `Bus.tla`: what its publishers, its subscribers and its counters show. */
import type { FollowedRun, RunModules } from "#chaos/models/run.ts";

/** What one subscriber has had, and where it is. */
export interface SeenSubscriber {
  readonly name: string;
  readonly place: "away" | "reading" | "waiting" | "closed";
  /** Events before the next that it reads. */
  readonly cursor: number;
  /** Events that were published before it came. */
  readonly first: number;
  /** The number of the last event that it was given; where there is none, `first`. */
  readonly heard: number;
  readonly heardCount: number;
  /** Events that it was told it had missed. */
  readonly lagged: number;
}

export interface BusLook {
  /** Whether every promise that was settled has been heard of: else of a subscriber its cursor alone counts. */
  readonly rests: boolean;
  /** Events so far, which are numbered from 1. */
  readonly published: number;
  /** What the bus has counted: events that the ring passed, and those that somebody learned of. */
  readonly dropped: number;
  readonly learned: number;
  /** The same ones in every look. */
  readonly subscribers: readonly SeenSubscriber[];
}

export function busRun(modules: RunModules, capacity: number, looks: readonly BusLook[]): FollowedRun {
  const names = looks[0]?.subscribers.map(({ name }) => `"${name}"`) ?? [];
  const constants = {
    Subscribers: `{${names.join(", ")}}`,
    Diligent: "{}",
    Capacity: capacity,
    EventsMax: looks.at(-1)?.published ?? 0,
  };
  return { ...modules, constants, looks: looks.map(written) };
}

function written({ rests, published, dropped, learned, subscribers }: BusLook): string {
  const record = (of: (subscriber: SeenSubscriber) => string | number): string =>
    `[${subscribers.map((subscriber) => `${subscriber.name} |-> ${of(subscriber)}`).join(", ")}]`;
  const counts = `published |-> ${published}, dropped |-> ${dropped}, learned |-> ${learned}`;
  const fields = [
    `place |-> ${record(({ place }) => `"${place}"`)}`,
    `cursor |-> ${record(({ cursor }) => cursor)}`,
    `first |-> ${record(({ first }) => first)}`,
    `heard |-> ${record(({ heard }) => heard)}`,
    `heardCount |-> ${record(({ heardCount }) => heardCount)}`,
    `lagged |-> ${record(({ lagged }) => lagged)}`,
  ];
  return `[rests |-> ${rests ? "TRUE" : "FALSE"}, ${counts}, ${fields.join(", ")}]`;
}
