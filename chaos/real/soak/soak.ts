/**
 * A soak: round after round of events and objects, side by side, each of which ends when the node is done with them and at rest.
 * Then it is looked at what it holds; in the end, what became of each event and each object.
 */
import { GRAVE_AGE_MS_MIN } from "#actors/storage/collection/grave-sweep.ts";
import { collect } from "#bench/growth/collection.ts";
import { scrub } from "#bench/scrub.ts";
import { SoakObjects } from "#chaos/real/soak/objects.ts";
import { SoakProducers } from "#chaos/real/soak/producers.ts";
import { readLetters, readRows } from "#chaos/real/soak/read-back.ts";
import { type Look, REST_MS, SoakNode } from "#chaos/real/soak/soak-node.ts";
import { counted, countersProblem } from "#chaos/soak/counters.ts";
import { roundsOf } from "#chaos/soak/plan.ts";
import { PACK, type RestCounts } from "#chaos/soak/rest.ts";
import { told } from "#chaos/soak/told.ts";
import { judgeSoak, type SoakJudged } from "#chaos/soak/verdict.ts";
import { passed } from "#chaos/world.ts";
import { assert } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { minute, second } from "#runtime/units.ts";

export interface SoakOptions {
  readonly events: number;
  readonly objects: number;
  /** The rounds are spread over so many; 0: as fast as it goes. */
  readonly minutes: number;
  /** After each round. */
  readonly onRound: (done: number, rounds: number, elapsedMs: number, look: Look) => void;
  /** Of what comes before the rounds and after them, and takes its time too. */
  readonly onStep: (what: string) => void;
}

export interface SoakOutcome extends SoakJudged {
  readonly eventsPerSecond: number;
  readonly objectsPerSecond: number;
  /** Of the rounds. */
  readonly seconds: number;
  /** When it was warm, and in the end. */
  readonly first: Look;
  readonly last: Look;
}

/** Connections that clients have closed are gone by then. */
const CLOSED_MS: number = second / 2;
/** Longest wait for counters to come to what they should be. */
const SETTLES_MS_MAX: number = 20 * second;

export async function soak({ events, objects, minutes, onRound, onStep }: SoakOptions): Promise<SoakOutcome> {
  onStep("a node starts, with its Postgres and its Redis");
  await using node = await SoakNode.start();
  const producers = await SoakProducers.come(node, events);
  const clients = new SoakObjects(node.url, objects);
  const rounds = roundsOf(events, objects, clients.account.warmUpCount);
  const looks: Look[] = [];
  const startedMs = performance.now();
  let restBefore: RestCounts = {};
  let busyMs = 0;
  for (const [at, round] of rounds.entries()) {
    const beganMs = performance.now();
    await Promise.all([producers.publish(round.events), clients.work(round.objects)]);
    busyMs += performance.now() - beganMs;
    // What was removed goes for good.
    await collect(node);
    // The store does that by itself when it has time, with a thread that begins then, and stays.
    if (at === 0) await scrub(node);
    const dueMs = startedMs + (minutes * minute * (at + 1)) / rounds.length;
    await passed({ clock: realClock }, Math.max(CLOSED_MS, dueMs - performance.now()));
    const look = await node.look();
    if (!round.isWarmUp) looks.push(look);
    onRound(at + 1, rounds.length, performance.now() - startedMs, look);
    if (!round.isWarmUp || rounds[at + 1]?.isWarmUp === true) continue;
    onStep(`it is warm; what it has at rest is counted, after ${REST_MS / second} s in which nobody asks anything`);
    restBefore = await node.rest();
  }
  const seconds = (performance.now() - startedMs) / second;
  const { putCount } = clients.account;
  onStep(`the rounds are over; ${putCount} objects are asked for`);
  await clients.readAll();
  onStep(`rows and dead letters of ${events} events are read`);
  await readRows(node.work, producers.account);
  await readLetters(node.work, producers.account);
  onStep("the node's own counters are compared");
  const counters = await countersOnceRight(node, producers, clients);
  onStep("the store reads everything again");
  await scrub(node);
  onStep(`what it has at rest is counted, after ${REST_MS / second} s in which nobody asks anything`);
  const restAfter = await node.rest();
  const [first, last] = [looks[0], looks.at(-1)];
  assert(first !== undefined && last !== undefined, "some rounds are judged");
  onStep("the node goes down");
  await producers.close();
  const restarts = await node.restarts();
  const left = await node.end();
  const judged = judgeSoak({
    problems: {
      "every-event-is-accounted-for": producers.account.problem(),
      "every-object-is-accounted-for": clients.account.problem(),
      "nothing-is-refused": told(producers.refusals),
      "the-node-counts-the-same": counters,
      "nothing-restarts": told(restarts),
      "nothing-is-left": told(left),
    },
    held: heldBy(looks),
    restBefore,
    restAfter,
  });
  return {
    ...judged,
    eventsPerSecond: (producers.account.entryCount * second) / busyMs,
    objectsPerSecond: (clients.account.putCount * second) / busyMs,
    seconds,
    first,
    last,
  };
}

function heldBy(looks: readonly Look[]) {
  const names = Object.keys(looks[0]?.held ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      looks.map(({ atMs, held }) => ({
        atMs,
        value: (held[name]?.heapBytes ?? 0) + (held[name]?.externalBytes ?? 0),
      })),
    ]),
  );
}

/** Counters of cells come to `/metrics` some time after they were counted. */
async function countersOnceRight(
  node: SoakNode,
  { account: events }: SoakProducers,
  { account: objects, sentBytes }: SoakObjects,
): Promise<string | undefined> {
  const untilMs = performance.now() + SETTLES_MS_MAX;
  const { rows, letters } = events.expected();
  const mayForget = node.ageMs > GRAVE_AGE_MS_MIN;
  for (;;) {
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    const status = (await (await fetch(`${node.url}/status`)).json()) as {
      readonly store: {
        readonly index: { readonly entryCount: number };
        readonly storage: { readonly packCount: number };
      };
    };
    const remembered = counted(metrics, "storage_keeps");
    const problem = countersProblem([
      ["entries read", counted(metrics, "ingest_read_total"), events.entryCount],
      ["entries acknowledged", counted(metrics, "ingest_acknowledged_total"), events.entryCount],
      ["events written", counted(metrics, "ingest_written_total", /new/), rows],
      ["dead letters", counted(metrics, "ingest_dead_lettered_total"), letters],
      ["dead letters trimmed", counted(metrics, "ingest_dead_letters_trimmed_total"), 0],
      ["entries lost", counted(metrics, "ingest_lost_total"), 0],
      ["bytes of objects received", counted(metrics, "bytes_in_total"), sentBytes],
      [
        "objects that something is remembered of",
        remembered,
        mayForget ? Math.min(remembered, objects.removedCount) : objects.removedCount,
      ],
      ["objects in the index", status.store.index.entryCount, objects.keptCount],
      ["files of packs", node.files()[PACK] ?? 0, status.store.storage.packCount],
    ]);
    if (problem === undefined || performance.now() >= untilMs) return problem;
    await passed({ clock: realClock }, CLOSED_MS);
  }
}
