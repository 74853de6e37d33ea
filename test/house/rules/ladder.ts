/**
 * Calls point down. An actor imports protocols of lower rungs only, so no two actors can wait for each other.
 *
 * The rungs are those of the architecture; telemetry is infrastructure and stands beside the ladder.
 */
import { fileOf, importsOf } from "#test/house/imports.ts";
import type { Rule } from "#test/house/rule.ts";
import type { FileMap } from "#test/house/tree.ts";

const RUNG: Readonly<Record<string, number>> = {
  telemetry: 0,
  storage: 1,
  discovery: 1,
  accounting: 1,
  auth: 1,
  index: 2,
  dht: 2,
  payment: 2,
  mailbox: 2,
  overlay: 3,
  ingest: 3,
  modules: 4,
  gateway: 5,
};

interface Call {
  readonly caller: string;
  readonly callee: string;
}

function callsOf(files: FileMap): readonly Call[] {
  return importsOf(files, (path) => path.startsWith("actors/")).flatMap((found) => {
    const caller = actorOf(found.from);
    const callee = actorOf(fileOf(found) ?? "");
    return caller === undefined || callee === undefined || caller === callee ? [] : [{ caller, callee }];
  });
}

function actorOf(path: string): string | undefined {
  const actor = path.match(/^actors\/([^/]+)\//)?.[1];
  return actor === "domain" ? undefined : actor;
}

/** Cycles as `a -> b -> a`, whatever the rungs say. */
function cyclesOf(calls: readonly Call[]): readonly string[] {
  const cycles = new Set<string>();
  const climb = (actor: string, path: readonly string[]): void => {
    if (path.includes(actor)) {
      cycles.add([...path.slice(path.indexOf(actor)), actor].join(" -> "));
      return;
    }
    for (const { callee } of calls.filter(({ caller }) => caller === actor)) climb(callee, [...path, actor]);
  };
  for (const { caller } of calls) climb(caller, []);
  return [...cycles];
}

export const ladder: readonly Rule[] = [
  {
    name: "an actor knows protocols of lower rungs only",
    check: (files) =>
      callsOf(files)
        .filter(({ caller, callee }) => (RUNG[callee] ?? 0) >= (RUNG[caller] ?? 0))
        .map(({ caller, callee }) => `${caller} (rung ${RUNG[caller]}) knows ${callee} (rung ${RUNG[callee]})`),
    planted: [
      {
        what: "a call up",
        files: { "actors/storage/planted.ts": 'import type { X } from "#actors/overlay/protocol.ts";\n' },
        says: "storage (rung 1) knows overlay (rung 3)",
      },
      {
        what: "a call to a neighbour on the same rung",
        files: { "actors/index/planted.ts": 'import type { X } from "#actors/dht/protocol.ts";\n' },
        says: "index (rung 2) knows dht (rung 2)",
      },
    ],
  },
  {
    name: "the calls between actors form no cycle",
    check: (files) => cyclesOf(callsOf(files)),
    planted: [
      {
        what: "two actors that call each other",
        files: {
          "actors/mailbox/planted.ts": 'import type { X } from "#actors/payment/protocol.ts";\n',
          "actors/payment/planted.ts": 'import type { X } from "#actors/mailbox/protocol.ts";\n',
        },
        says: "mailbox -> payment -> mailbox",
      },
    ],
  },
  {
    name: "every actor has a rung and the three files of its anatomy",
    check: (files) => {
      const actors = new Set([...files.keys()].map(actorOf).filter((actor) => actor !== undefined));
      return [...actors].flatMap((actor) => [
        ...(RUNG[actor] === undefined ? [`actors/${actor} has no rung`] : []),
        ...["protocol.ts", "config.ts", "actor.ts"]
          .filter((name) => !files.has(`actors/${actor}/${name}`))
          .map((name) => `actors/${actor}/${name} is missing`),
      ]);
    },
    planted: [
      {
        what: "an actor nobody has heard of",
        files: { "actors/planted/protocol.ts": "/** Planted. */\n" },
        says: "actors/planted has no rung",
      },
      {
        what: "an actor without its protocol",
        files: { "actors/storage/protocol.ts": undefined },
        says: "actors/storage/protocol.ts is missing",
      },
    ],
  },
];
