/** What may happen to the system: messages, faults, an operator's orders, and time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { pathOf } from "#test/runtime/model/cell.ts";
import { wrongWhenQuiet } from "#test/runtime/model/checks.ts";
import type { Model } from "#test/runtime/model/model.ts";
import { CELLS, CLERK_NAMES, cellOf } from "#test/runtime/model/plan.ts";
import type { Message, System } from "#test/runtime/model/system.ts";

type Command = fc.AsyncCommand<Model, System>;

interface Deed {
  readonly can?: (model: Model) => boolean;
  readonly run: (system: System, model: Model) => void | Promise<void>;
  /** Does not wait until everything is quiet: the next command comes in the middle of what this one began. */
  readonly atOnce?: boolean;
}

const cell = fc.constantFrom(...CELLS);
const clerk = fc.constantFrom(...CLERK_NAMES);

const message: fc.Arbitrary<Message> = fc.record({
  name: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("now", "held", "task", "note", "note", "relay", "stumble") },
    { weight: 2, arbitrary: fc.constantFrom("watch", "alarm") },
    { weight: 1, arbitrary: fc.constant("die" as const) },
  ) as fc.Arbitrary<Message["name"]>,
  forMs: fc.constantFrom(0, 20, 150, 300),
  /** The last is later than any end: a timer that outlives its life is found there. */
  afterMs: fc.constantFrom(10, 50, 200, 1_000_000),
  timeoutMs: fc.constantFrom(30, 100, 400),
  waits: fc.boolean(),
  other: clerk,
});

const sends = fc.record({
  from: cell,
  to: clerk,
  burst: fc.array(message, { minLength: 1, maxLength: 6 }),
  atOnce: fc.boolean(),
});

const monitoring = fc.record({ from: cell, target: clerk }).map(({ from, target }) =>
  command(`monitor ${target} from ${from}`, {
    can: (model) => model.isUp(from),
    run: (system) => system.monitor(from, target),
  }),
);

const crashing = fc.record({ name: clerk, atOnce: fc.boolean() }).map(({ name, atOnce }) =>
  command(`crash ${name}${atOnce ? " at once" : ""}`, {
    can: (model) => model.isUp(cellOf(name)),
    run: (system) => void system.cell(cellOf(name)).supervisor.kill(name),
    atOnce,
  }),
);

const failingStarts = fc
  .record({ name: clerk, times: fc.integer({ min: 1, max: 2 }) })
  .map(({ name, times }) =>
    command(`fail ${times} starts of ${name}`, { run: (system) => void system.book.failingStarts.set(name, times) }),
  );

const slowing = fc
  .record({ name: clerk, ms: fc.constantFrom(0, 30, 200) })
  .map(({ name, ms }) =>
    command(`lives of ${name} begin and end in ${ms} ms`, { run: (system) => void system.book.slowness.set(name, ms) }),
  );

const holding = clerk.map((name) =>
  command(`hold ${name}`, {
    can: (model) => model.isUp(cellOf(name)),
    run: (system, model) => {
      system.cell(cellOf(name)).supervisor.hold(name);
      model.hold(name);
    },
  }),
);

const resuming = clerk.map((name) =>
  command(`resume ${name}`, {
    can: (model) => model.isUp(cellOf(name)),
    run: (system, model) => {
      const { supervisor, account } = system.cell(cellOf(name));
      if (!supervisor.resume(name).ok) return;
      account.resumed(name);
      model.held.delete(name);
    },
  }),
);

const endingCells = fc.record({ name: cell, inOrder: fc.boolean() }).map(({ name, inOrder }) =>
  command(`${inOrder ? "shut down" : "kill"} the cell ${name}`, {
    can: (model) => model.isUp(name),
    run: (system) => void (inOrder ? system.cell(name).shutDown() : system.cell(name).kill()),
  }),
);

const startingCells = cell.map((name) =>
  command(`start the cell ${name}`, {
    can: (model) => !model.isUp(name),
    run: (system) => system.startCell(name),
  }),
);

const delaying = fc
  .record({ name: cell, ms: fc.constantFrom(5, 60, 250) })
  .map(({ name, ms }) =>
    command(`delay ${name} by ${ms} ms`, { run: (system) => system.network.delay(pathOf(name), ms) }),
  );

const weather = fc.oneof(
  cell.map((name) => command(`cut ${name}`, { run: (system) => system.network.cut(pathOf(name)) })),
  cell.map((name) => command(`freeze ${name}`, { run: (system) => system.network.freeze(pathOf(name)) })),
  ...Array.from({ length: 2 }, () => delaying),
);

const healing = cell.map((name) => command(`heal ${name}`, { run: (system) => system.heal(name) }));

const passing = fc
  .constantFrom(0, 10, 10, 40, 40, 150, 150, 500, 2500, 11_000)
  .map((ms) => command(`pass ${ms} ms`, { run: (system) => system.pass(ms) }));

/** Faults are rarer than what they may spoil, and what mends them is as frequent. */
export const commands: readonly fc.Arbitrary<Command>[] = [
  ...Array.from({ length: 14 }, () => sends.map(sending)),
  ...Array.from({ length: 6 }, () => passing),
  ...Array.from({ length: 4 }, () => crashing),
  ...[monitoring, monitoring, fc.constant(command("undo a monitor", { run: (system) => system.undoMonitor() }))],
  ...[
    failingStarts,
    slowing,
    slowing,
    holding,
    resuming,
    resuming,
    endingCells,
    startingCells,
    startingCells,
    startingCells,
  ],
  ...[weather, weather, healing, healing],
];

function sending({ from, to, burst, atOnce }: typeof sends extends fc.Arbitrary<infer T> ? T : never): Command {
  const spelled = burst.map(({ name, forMs, afterMs, timeoutMs, waits, other }) => {
    return `${name}(${[forMs, afterMs, timeoutMs, waits ? "wait" : "reject", other].join(" ")})`;
  });
  return command(`from ${from} to ${to}${atOnce ? " at once" : ""}: ${spelled.join(", ")}`, {
    can: (model) => model.isUp(from),
    run: (system) => {
      for (const each of burst) system.send(from, to, each);
    },
    atOnce,
  });
}

function command(name: string, { can = () => true, run, atOnce = false }: Deed): Command {
  return {
    check: (model) => can(model),
    run: async (model, system) => {
      // One that comes in the middle of another may find that its cell has just ended.
      model.observe(system);
      if (!can(model)) return;
      await run(system, model);
      if (atOnce) return;
      await system.settle();
      model.observe(system);
      assert.deepEqual([...wrongWhenQuiet(system), ...model.wrongs(system)], []);
    },
    toString: () => name,
  };
}
