/** Whatever is done to both halves, they answer alike, and are alike in the end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import type { EventRows, RowsLimits } from "#actors/ingest/rows/event-rows.ts";
import { MemoryRows } from "#actors/ingest/rows/memory-rows.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { idOf, rowOf, Scene, smallLimits } from "#test/actors/ingest/rows/scene.ts";
import { runsOf } from "#test/kit/runs.ts";

const RUNS = runsOf({ usual: 12, slowness: 10 });
const UUID_V4 = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/** One of both, with places instead of the ids that it made. */
class Half {
  readonly scene: Scene;
  readonly #ids: string[] = [];

  constructor(rows: EventRows) {
    this.scene = new Scene(rows);
  }

  /** A subject, or nothing, or a schema: whatever was made at that place. */
  made(place: number): ReturnType<typeof idOf> {
    const id = this.#ids[place];
    return id === undefined ? idOf(1) : (id as ReturnType<typeof idOf>);
  }

  tell(answer: unknown): string {
    const words = inspect(answer, { depth: 9, sorted: true, maxArrayLength: null });
    return words.replaceAll(UUID_V4, (id) => {
      if (!this.#ids.includes(id)) this.#ids.push(id);
      return `made ${this.#ids.indexOf(id)}`;
    });
  }
}

type Step = (half: Half) => Promise<unknown>;

// Few of each, so that most steps meet what others have done.
const producerId = fc.integer({ min: 0xa, max: 0xc }).map(idOf);
const subjectKey = fc.constantFrom("x/a", "x/b", "x/c");
const schemaName = fc.constantFrom("s", "s", "t", "fdc-0.1.0/trade");
const place = fc.integer({ min: 0, max: 9 });
const object = fc.dictionary(
  fc.constantFrom("a", "b", "__proto__"),
  fc.constantFrom(1, null, "x".repeat(9), { a: 1 }),
  {
    maxKeys: 2,
  },
);

const payload = fc.constantFrom('{"a":1}', '{"a": 1}', "2", "{", '"\\u0000"');
const tags = fc.constantFrom([], [{ key: "a", value: "b" }], [{ key: "A", value: "b" }]);
const row = fc
  .record({ number: fc.integer({ min: 1, max: 12 }), payload, tags, tsNs: fc.constantFrom(5n, 6n) })
  .map(({ number, ...different }) => rowOf(number, different));
const write = fc.array(row, { maxLength: 8 }).map((rows): Step => {
  return ({ scene }) => scene.write(...rows);
});
const said = fc.record({ producerId, subjectKey, schemaName });
const register = fc.tuple(said, object, object).map(([names, schemaBody, attrs]): Step => {
  return ({ scene }) => scene.register({ ...names, schemaBody, attrs });
});
const upgrade = fc.tuple(said, object, object).map(([names, schemaDelta, attrsDelta]): Step => {
  return ({ scene }) => scene.upgrade({ ...names, schemaDelta, attrsDelta });
});
const use = fc.tuple(producerId, subjectKey, fc.constantFrom("trade", "quote"));
const legacy = fc.array(use, { maxLength: 3 }).map((uses): Step => {
  return ({ scene }) => scene.legacy(...uses);
});
const review = fc.tuple(place, producerId, fc.boolean()).map(([at, who, isApproved]): Step => {
  return (half) => half.scene.review(half.made(at), who, isApproved);
});
const look = fc.tuple(place, producerId, fc.integer({ min: 1, max: 12 })).map(([at, who, number]): Step => {
  return async (half) => [
    await half.scene.bindings([who, half.made(at)]),
    await half.scene.waiting(2),
    await half.scene.event(number),
  ];
});

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: write },
    { weight: 4, arbitrary: register },
    { weight: 3, arbitrary: upgrade },
    { weight: 1, arbitrary: legacy },
    { weight: 2, arbitrary: review },
    { weight: 2, arbitrary: look },
  ),
  { minLength: 20, maxLength: 40, size: "max" },
);

/** What can come of a step, in one word. */
const OUTCOMES = [
  ...["new", "same", "conflict", "22P02", "22P05", "done", "bound", "isUnchanged: true", "isUnchanged: false"],
  ...["schema_conflict", "needs_review", "review_denied", "too_many_reviews", "subject_not_found"],
  ...["producer_subject_forbidden", "schema_family_not_found_for_subject", "too_many_versions", "attrs_too_large"],
];

export function describeAgreement(open: (limits: RowsLimits) => Promise<EventRows>): void {
  describe("event rows: both halves", () => {
    it("answer alike, whatever is asked of them", async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          const [postgres, memory] = [
            new Half(await open(smallLimits)),
            new Half(new MemoryRows(seededRandom(1), smallLimits)),
          ];
          for (const step of script) {
            const answer = postgres.tell(await step(postgres));
            assert.equal(answer, memory.tell(await step(memory)));
            for (const outcome of OUTCOMES) if (answer.includes(outcome)) seen.add(outcome);
          }
        }),
        { numRuns: RUNS, endOnFailure: false },
      );

      const missed = OUTCOMES.filter((outcome) => !seen.has(outcome));
      assert(missed.length <= OUTCOMES.length / 4, `most outcomes are seen, not: ${missed.join(", ")}`);
    });
  });
}
