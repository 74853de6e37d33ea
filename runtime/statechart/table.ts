/**
 * A statechart as a table: every state × every event, computed once. A lookup is some hundred times cheaper than a
 * transition in the library, and no event can do anything that the chart does not say.
 */

/** Where an event leads, and what is to be done on the way, in this order. */
export interface Move<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export type Table<State extends string, Event extends string, Effect> = Readonly<
  Record<State, Readonly<Record<Event, Move<State, Effect>>>>
>;

export function tabulate<State extends string, Event extends string, Effect>(
  states: readonly State[],
  events: readonly Event[],
  step: (state: State, event: Event) => Move<State, Effect>,
): Table<State, Event, Effect> {
  const row = (state: State) => Object.fromEntries(events.map((event) => [event, step(state, event)]));
  return Object.fromEntries(states.map((state) => [state, row(state)])) as Table<State, Event, Effect>;
}
