/** What became of every event and object of a soak: one that is missing, doubled, damaged or nobody's is seen. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { counted, countersProblem } from "#chaos/soak/counters.ts";
import { EventAccount, isRepeated, isStranger } from "#chaos/soak/event-account.ts";
import { ObjectAccount } from "#chaos/soak/object-account.ts";
import { roundsOf, SOAK_EVENTS_MIN, SOAK_OBJECTS_MIN } from "#chaos/soak/plan.ts";

const COUNT = 2000;
const HEAD = "01234567-89ab-7cde-8f01-";

type Plant = (account: EventAccount, found: { rows: Row[]; letters: Letter[] }) => void;
type Row = [id: string, entryId: string];
type Letter = [text: string, reason: string];

/** All of them are taken, and found as they should be, but for what is planted. */
function eventsProblem(plant: Plant): string | undefined {
  const account = new EventAccount(COUNT, HEAD);
  const found = { rows: [] as Row[], letters: [] as Letter[] };
  for (let number = 0; number < COUNT; number += 1) {
    const [id, entry] = [account.idOf(number), `${1_800_000_000_000 + number}-${number % 3}`];
    account.acknowledged(number, entry);
    if (isRepeated(number)) account.acknowledged(number, `${1_900_000_000_000 + number}-0`);
    if (isStranger(number)) found.letters.push([`{"event_id":"${id}"}`, "unauthenticated"]);
    else found.rows.push([id, entry]);
  }
  plant(account, found);
  for (const row of found.rows) account.foundRow(...row);
  for (const letter of found.letters) account.foundLetter(...letter);
  return account.problem();
}

describe("chaos soak events", () => {
  it("are accounted for where each is one row, or the one dead letter of a stranger", () => {
    const problem = eventsProblem((account) => {
      assert.deepEqual(account.expected(), { rows: COUNT - 2, letters: 2 });
      assert.equal(account.entryCount, COUNT + 4);
    });

    assert.equal(problem, undefined);
  });

  it("of which one was repeated may come of either entry, another one of its own alone", () => {
    const other = `${1_900_000_000_000}-0`;

    assert.equal(
      eventsProblem((_, { rows }) => void rows.splice(0, 1, [`${HEAD}000000000000`, other])),
      undefined,
    );
    const wrong = eventsProblem((_, { rows }) => void rows.splice(1, 1, [`${HEAD}000000000001`, other]));
    assert.match(
      wrong ?? "",
      /^the row of event 1 came of entry 1900000000000-0, and it was taken as 1800000000001-1$/,
    );
  });

  const plants: readonly (readonly [what: string, plant: Plant, says: RegExp])[] = [
    ["a row is missing", (_, { rows }) => void rows.splice(7, 1), /^event 7 \(.*7\) is 0 rows and 0 dead letters$/],
    ["a row is there twice", (_, { rows }) => void rows.push(rows[8] ?? ["", ""]), /^event 8 .* is 2 rows/],
    ["one is a row and a dead letter", letterOf(9, "unauthenticated"), /^event 9 .* is 1 rows and 1 dead letters$/],
    ["a dead letter is missing", (_, { letters }) => void letters.pop(), /^event 1999 .* is 0 rows and 0 dead/],
    [
      "a stranger is let in",
      (a, { rows }) => void rows.push([a.idOf(999), "1800000000999-0"]),
      /^event 999 .* is 1 rows/,
    ],
    [
      "a dead letter has another reason",
      letterOf(999, "bad_event_json"),
      /^event 999 is a dead letter for bad_event_json/,
    ],
    ["a row is nobody's", (_, { rows }) => void rows.push([`${HEAD}ffffffffffff`, "1-1"]), /that nobody sent$/],
    ["a row is of another run", (_, { rows }) => void rows.push(["x".repeat(24), "1-1"]), /that nobody sent$/],
    ["a dead letter is nobody's", (_, { letters }) => void letters.push(["what", "why"]), /that nobody sent: what$/],
  ];
  for (const [what, plant, says] of plants) {
    it(`are not where ${what}`, () => assert.match(eventsProblem(plant) ?? "nothing", says));
  }

  it("that Redis has not taken may not be there", () => {
    const account = new EventAccount(COUNT, HEAD);
    account.foundRow(account.idOf(5), "1-1");

    assert.match(account.problem() ?? "", /event 5 .* is 1 rows/);
  });
});

function letterOf(number: number, reason: string): Plant {
  return (account, { letters }) => void letters.push([`{"event_id":"${account.idOf(number)}"}`, reason]);
}

describe("chaos soak objects", () => {
  const OBJECTS = 400;

  function soaked(): ObjectAccount {
    const account = new ObjectAccount(OBJECTS);
    for (let number = account.next(); number !== undefined; number = account.next()) {
      account.put(number, `b3:${number}`);
      const oldest = account.goesFor(number);
      if (oldest !== undefined) account.removed(oldest.number);
    }
    return account;
  }

  it("are removed while it becomes warm, but for those that are read", () => {
    const account = soaked();
    const [kept, gone] = [true, false].map((is) => [...account.all()].filter(({ isKept }) => isKept === is));

    assert.deepEqual([account.putCount, account.removedCount, account.keptCount], [OBJECTS, 100, 300]);
    assert.deepEqual([kept?.length, gone?.length], [300, 100]);
    const read = Array.from({ length: 50 }, () => account.nextRead()?.number);
    assert.deepEqual(
      [...new Set(read)].sort(),
      kept
        ?.map(({ number }) => number)
        .slice(0, 13)
        .sort(),
    );
  });

  it("are accounted for where those that are kept are answered, and the others are not found", () => {
    const account = soaked();
    for (const { number, address, isKept } of account.all()) {
      if (isKept) account.answeredKept(number, { status: 200, address });
      else account.answeredRemoved(number, { status: 404, address: undefined });
    }

    assert.deepEqual([account.problem(), account.readCount], [undefined, OBJECTS]);
  });

  it("are not where one is missing, damaged or back again, or was refused", () => {
    const account = soaked();
    account.answeredKept(0, { status: 404, address: undefined });
    account.answeredKept(1, { status: 200, address: "b3:2" });
    account.answeredRemoved(50, { status: 200, address: "b3:50" });
    account.refused("the put of object 7 was answered 507");

    assert.equal(
      account.problem(),
      "object 0 (b3:0) was answered 404 with nothing; object 1 (b3:1) was answered 200 with b3:2; " +
        "object 50 (b3:50) was removed, and is answered 200; the put of object 7 was answered 507",
    );
  });
});

describe("chaos soak counters", () => {
  const metrics = [
    "# HELP ingest_written_total Events committed.",
    'ingest_written_total{cell="work",result="new"} 7',
    'ingest_written_total{cell="work",result="repeated"} 2',
    "bytes_in_total 1e3",
    "bytes_in_total_of_others 5",
  ].join("\n");

  it("are summed over their labels, or over some of them", () => {
    const sums = [counted(metrics, "ingest_written_total"), counted(metrics, "ingest_written_total", /"new"/)];

    assert.deepEqual([...sums, counted(metrics, "bytes_in_total"), counted(metrics, "none")], [9, 7, 1000, 0]);
  });

  it("that are off by one are told", () => {
    assert.equal(countersProblem([["rows", 7, 7]]), undefined);
    assert.equal(
      countersProblem([
        ["rows", 7, 7],
        ["bytes", 1000, 1001],
      ]),
      "bytes: 1000, and not 1001",
    );
  });
});

describe("chaos soak rounds", () => {
  it("have all events and all objects in them, and put half of those before they are judged", () => {
    for (const [events, objects] of [
      [SOAK_EVENTS_MIN, SOAK_OBJECTS_MIN],
      [1_000_003, 100_001],
    ] as const) {
      const rounds = roundsOf(events, objects, Math.ceil(objects / 2));
      const warm = rounds.filter(({ isWarmUp }) => isWarmUp);
      const sum = (some: typeof rounds): number => some.reduce((total, round) => total + round.objects, 0);

      assert.equal(
        rounds.reduce((at, { events: [from, to] }) => (from === at && to > from ? to : Number.NaN), 0),
        events,
      );
      assert.equal(sum(rounds), objects);
      assert.equal(sum(warm), Math.ceil(objects / 2));
      assert(rounds.filter(({ isWarmUp }) => !isWarmUp).every((round) => round.objects > 0));
    }
  });
});
