/** What every half promises of subjects: who may write about them, and under which schema. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Uuid } from "#actors/domain/uuid.ts";
import { BINDINGS_LISTED_MAX, type EventRows, ROWS_LIMITS, type RowsLimits } from "#actors/ingest/rows/event-rows.ts";
import { must } from "#runtime/errors.ts";
import { idOf, other, producer, Scene, smallLimits, within } from "#test/actors/ingest/rows/scene.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const third = idOf(0xc);
const forbidden = { kind: "producer_subject_forbidden" } as const;

/** `open` makes empty ones. */
export function describeSubjects(half: string, open: (limits: RowsLimits) => Promise<EventRows>): void {
  const scene = async (limits = ROWS_LIMITS): Promise<Scene> => new Scene(await open(limits));
  const about = (operation: string, tests: () => void): void =>
    void describe(`event rows (${half}): ${operation}`, tests);
  const refused = (reason: string): unknown => ({ kind: "refused", reason });

  about("register", () => {
    it("makes a subject, and the first version of a schema, and lets its producer write about it (ING-7)", async () => {
      const one = await scene();

      const answer = await one.subject({ subjectKey: "k", schemaName: "s", schemaBody: { a: 1 } });

      const { subjectId, schemaId } = answer;
      assert.match(subjectId, UUID_V4);
      assert.match(schemaId, UUID_V4);
      const version = { schemaId, schemaName: "s", schemaVersion: 1 };
      assert.deepEqual(answer, { kind: "done", subjectId, ...version, isUnchanged: false });
      assert.deepEqual(await one.bindings([producer, subjectId]), [{ kind: "bound", schemaId }]);
    });

    it("answers the same again as unchanged, in whatever order its members are (ING-7)", async () => {
      const one = await scene();
      const schemaBody = { b: { y: [1, 1e300, -0], x: null }, a: "é\u{1f600}" };
      const first = await one.subject({ schemaBody });

      const again = await one.register({ schemaBody: { a: "é\u{1f600}", b: { x: null, y: [1, 1e300, 0] } } });

      assert.deepEqual(again, { ...first, isUnchanged: true });
    });

    it("takes any name for a member, also those that JavaScript has given a meaning", async () => {
      const one = await scene();
      const schemaBody = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "": 3}');
      const first = await one.subject({ schemaBody, attrs: schemaBody });

      assert.deepEqual(await one.register({ schemaBody, attrs: schemaBody }), { ...first, isUnchanged: true });
      assert.deepEqual(await one.register({ schemaBody: { constructor: 2, "": 3 } }), refused("schema_conflict"));
    });

    it("refuses another body, or another name, for a subject that has a schema (ING-10)", async () => {
      const one = await scene();
      const first = await one.subject();

      assert.deepEqual(await one.register({ schemaBody: { a: 2 } }), refused("schema_conflict"));
      assert.deepEqual(await one.register({ schemaBody: { a: 1, b: 1 } }), refused("schema_conflict"));
      assert.deepEqual(await one.register({ schemaName: "t" }), refused("schema_conflict"));

      assert.deepEqual(await one.register(), { ...first, isUnchanged: true });
      // Nothing was made of the name that was refused.
      assert.equal((await one.subject({ subjectKey: "l", schemaName: "t", schemaBody: { z: 1 } })).schemaVersion, 1);
    });

    it("gives subjects of one family its version that says the same; a body that none has is refused", async () => {
      const one = await scene();
      const first = await one.subject();
      const second = await one.subject({ subjectKey: "l", producerId: other });
      assert.equal(second.schemaId, first.schemaId);
      const upgraded = await one.upgrade({ schemaDelta: { b: 2 } });
      assert(upgraded.kind === "done");

      const third = await one.subject({ subjectKey: "m", schemaBody: { a: 1, b: 2 } });
      assert.equal(third.schemaId, upgraded.schemaId);

      assert.deepEqual(await one.register({ subjectKey: "n", schemaBody: { a: 3 } }), refused("schema_conflict"));
      assert.deepEqual(await one.upgrade({ subjectKey: "n" }), refused("subject_not_found"));
    });

    it("adds to what is said of a subject, member by member", async () => {
      const one = await scene(smallLimits);
      const first = await one.subject({ attrs: { a: { x: "1234567890" } } });

      const added = await one.register({ attrs: { b: "123456789" } });

      assert.deepEqual(added, { ...first, isUnchanged: true });
      assert.deepEqual(await one.register({ attrs: { c: "1234567890" } }), refused("attrs_too_large"));
      assert.equal((await one.register({ attrs: { a: 1, c: "1234567890" } })).kind, "done");
    });

    it("has people decide about the subject of somebody else, whatever is said of it (ING-11)", async () => {
      const one = await scene();
      const { subjectId } = await one.subject();

      assert.deepEqual(await one.register({ producerId: other }), refused("needs_review"));
      assert.deepEqual(await one.register({ producerId: other, schemaBody: { z: 1 } }), refused("needs_review"));

      assert.deepEqual(await one.waiting(), [[other, "k"]]);
      assert.deepEqual(await one.bindings([other, subjectId]), [{ ...forbidden, isThere: true }]);
    });

    it("refuses what cannot be stored, or is too large, and keeps nothing of it (ING-13, ING-14)", async () => {
      const one = await scene(smallLimits);
      const at = "x".repeat(52);

      for (const bad of ["\0", "\ud800", "\udc00a"]) {
        assert.deepEqual(await one.register({ subjectKey: bad }), refused("not_storable"));
        assert.deepEqual(await one.register({ schemaName: bad }), refused("not_storable"));
        assert.deepEqual(await one.register({ schemaBody: { [bad]: 1 } }), refused("not_storable"));
        assert.deepEqual(await one.register({ schemaBody: { a: [bad] } }), refused("not_storable"));
        assert.deepEqual(await one.register({ attrs: { a: bad } }), refused("not_storable"));
        assert.deepEqual(await one.upgrade({ attrsDelta: { a: bad } }), refused("not_storable"));
        assert.deepEqual(await one.upgrade({ schemaDelta: { a: bad } }), refused("not_storable"));
      }
      assert.deepEqual(await one.register({ schemaBody: { a: `${at}x` } }), refused("schema_too_large"));
      assert.deepEqual(await one.register({ attrs: { a: at } }), refused("attrs_too_large"));

      assert.deepEqual(await one.upgrade(), refused("subject_not_found"));
      assert.equal((await one.subject({ schemaBody: { a: at } })).schemaVersion, 1);
    });

    it("leaves the names of protocol 0.1.0 to that (ING-10)", async () => {
      const one = await scene();

      const answer = await one.register({ schemaName: "fdc-0.1.0/trade", schemaBody: {} });

      assert.deepEqual(answer, refused("schema_conflict"));
      assert.deepEqual(await one.upgrade(), refused("subject_not_found"));
    });
  });

  about("upgrade", () => {
    it("lays a delta over the schema, as the next version, and the subject has that from then on (ING-8)", async () => {
      const one = await scene();
      const first = await one.subject({ schemaBody: { a: { x: 1, y: 2 }, l: [1, 2] } });

      const upgraded = await one.upgrade({ schemaDelta: { a: { y: null }, l: [3], n: {} } });

      assert(upgraded.kind === "done");
      const { schemaId } = upgraded;
      assert.deepEqual(upgraded, { ...first, schemaId, schemaVersion: 2, isUnchanged: false });
      assert.notEqual(schemaId, first.schemaId);
      assert.deepEqual(await one.bindings([producer, first.subjectId]), [{ kind: "bound", schemaId }]);
      const whole = { a: { x: 1, y: null }, l: [3], n: {} };
      assert.deepEqual(await one.register({ schemaBody: whole }), { ...upgraded, isUnchanged: true });
    });

    it("changes nothing where the delta says what is there: the same upgrade again", async () => {
      const one = await scene();
      const first = await one.subject();

      assert.deepEqual(await one.upgrade(), { ...first, isUnchanged: true });
      assert.deepEqual(await one.upgrade({ schemaDelta: { a: 1 } }), { ...first, isUnchanged: true });
      const upgraded = await one.upgrade({ schemaDelta: { b: 2 } });
      assert.deepEqual(await one.upgrade({ schemaDelta: { b: 2 } }), { ...upgraded, isUnchanged: true });
    });

    it("gives subjects that go the same way the same version, and never an earlier one (ING-8)", async () => {
      const one = await scene();
      await one.subject();
      await one.subject({ subjectKey: "l" });
      const versionOf = async (
        subjectKey: string,
        schemaDelta: { readonly [name: string]: number },
      ): Promise<number> => {
        const answer = await one.upgrade({ subjectKey, schemaDelta });
        assert(answer.kind === "done");
        return answer.schemaVersion;
      };

      assert.equal(await versionOf("k", { b: 1 }), 2);
      assert.equal(await versionOf("k", { b: 2 }), 3);
      assert.equal(await versionOf("l", { b: 2 }), 3);
      // What version 2 says is said again, later.
      assert.equal(await versionOf("l", { b: 1 }), 4);
      assert.equal(await versionOf("k", { b: 1 }), 4);
    });

    it("adds to what is said of the subject, deeply, without a new version", async () => {
      const one = await scene(smallLimits);
      const first = await one.subject({ attrs: { a: { x: "1234567890" } } });

      assert.deepEqual(await one.upgrade({ attrsDelta: { a: { y: "12" } } }), { ...first, isUnchanged: true });
      assert.deepEqual(await one.upgrade({ attrsDelta: { a: { z: "12345" } } }), refused("attrs_too_large"));
      assert.equal((await one.upgrade({ attrsDelta: { a: { x: "", z: "12345" } } })).kind, "done");
    });

    it("is only for who may write about the subject, and of the schema that it has (ING-12)", async () => {
      const one = await scene();
      await one.subject();
      const schemaDelta = { b: 1 };

      assert.deepEqual(await one.upgrade({ subjectKey: "x" }), refused("subject_not_found"));
      assert.deepEqual(await one.upgrade({ producerId: other, schemaDelta }), refused("producer_subject_forbidden"));
      const wrongName = await one.upgrade({ schemaName: "t", schemaDelta });
      assert.deepEqual(wrongName, refused("schema_family_not_found_for_subject"));

      assert.deepEqual(await one.waiting(), []);
    });

    it("ends at so many versions and so many bytes; what is there is still found (ING-14)", async () => {
      const one = await scene(smallLimits);
      await one.subject();
      await one.subject({ subjectKey: "l" });
      for (const b of [2, 3]) await one.upgrade({ schemaDelta: { b } });

      assert.deepEqual(await one.upgrade({ schemaDelta: { b: 4 } }), refused("too_many_versions"));
      assert.deepEqual(await one.upgrade({ schemaDelta: { c: "x".repeat(50) } }), refused("schema_too_large"));

      const found = await one.upgrade({ subjectKey: "l", schemaDelta: { b: 3 } });
      assert(found.kind === "done");
      assert.equal(found.schemaVersion, 3);
    });
  });

  about("bindings", () => {
    it("says of each pair whether it may, in the order asked", async () => {
      const one = await scene();
      const k = await one.subject();
      const l = await one.subject({ subjectKey: "l", producerId: other, schemaBody: { a: 1 } });
      const bound = { kind: "bound", schemaId: k.schemaId };

      assert.deepEqual(await one.bindings(), []);
      const asked = await one.bindings(
        [other, k.subjectId],
        [producer, k.subjectId],
        [other, l.subjectId],
        [producer, k.subjectId],
        [third, k.subjectId],
        [producer, idOf(1)],
      );

      const nowhere = { ...forbidden, isThere: false };
      assert.deepEqual(asked, [
        { ...forbidden, isThere: true },
        bound,
        bound,
        bound,
        { ...forbidden, isThere: true },
        nowhere,
      ]);
    });
  });

  about("reviews of bindings", () => {
    it("let a producer in, which then has the subject as if it were its own", async () => {
      const one = await scene();
      const first = await one.subject();
      await one.register({ producerId: other });

      assert.equal(await one.review(first.subjectId, other, true), "k");

      assert.deepEqual(await one.waiting(), []);
      assert.deepEqual(await one.register({ producerId: other }), { ...first, isUnchanged: true });
      assert.equal((await one.upgrade({ producerId: other, schemaDelta: { b: 1 } })).kind, "done");
    });

    it("keep one out, and take away what it had; people may think again (ING-11)", async () => {
      const one = await scene();
      const { subjectId, schemaId } = await one.subject();
      await one.register({ producerId: other });

      await one.review(subjectId, other, false);
      assert.deepEqual(await one.waiting(), []);
      assert.deepEqual(await one.register({ producerId: other }), refused("review_denied"));
      assert.deepEqual(await one.waiting(), []);
      await one.review(subjectId, other, true);
      await one.review(subjectId, producer, false);

      const asked = await one.bindings([other, subjectId], [producer, subjectId]);
      assert.deepEqual(asked, [
        { kind: "bound", schemaId },
        { ...forbidden, isThere: true },
      ]);
      assert.deepEqual(await one.register(), refused("review_denied"));
    });

    it("know who waits, the oldest first, up to so many a producer", async () => {
      const one = await scene(smallLimits);
      for (const subjectKey of ["k", "l", "m"]) await one.subject({ subjectKey });
      for (const subjectKey of ["m", "k", "m"]) await one.register({ subjectKey, producerId: other });

      assert.deepEqual(await one.register({ subjectKey: "l", producerId: other }), refused("too_many_reviews"));
      assert.deepEqual(await one.register({ subjectKey: "l", producerId: third }), refused("needs_review"));

      const waiting = [
        [other, "m"],
        [other, "k"],
        [third, "l"],
      ];
      assert.deepEqual(await one.waiting(), waiting);
      assert.deepEqual(await one.waiting(2), waiting.slice(0, 2));
      await assert.rejects(one.rows.bindingRequests(undefined, BINDINGS_LISTED_MAX + 1, within), /a page/);
    });

    it("can be read page by page, whatever is decided meanwhile", async () => {
      const one = await scene();
      const keys = ["k", "l", "m", "n"];
      const ids = new Map<string, Uuid>();
      for (const subjectKey of keys) ids.set(subjectKey, (await one.subject({ subjectKey })).subjectId);
      for (const subjectKey of keys) await one.register({ subjectKey, producerId: other });
      const page = async (after?: number) => must(await one.rows.bindingRequests(after, 2, within), "a page");

      const first = await page();
      await one.review(ids.get("l") ?? idOf(1), other, true);
      const second = await page(first.at(-1)?.number);

      const keysOf = (requests: typeof first) => requests.map(({ subjectKey }) => subjectKey);
      assert.deepEqual([keysOf(first), keysOf(second)], [keys.slice(0, 2), keys.slice(2)]);
      assert.deepEqual(await page(second.at(-1)?.number), []);
    });

    it("are of subjects that there are", async () => {
      assert.equal(await (await scene()).review(idOf(1), producer, true), undefined);
    });
  });

  about("legacy", () => {
    it("makes a subject on its first use, with the schema of that name, and finds it again (ING-9)", async () => {
      const one = await scene();

      const [first] = await one.legacy([producer, "binance/BTC", "trade"]);

      assert(first?.kind === "bound");
      assert.match(first.subjectId, UUID_V4);
      assert.deepEqual(await one.legacy([producer, "binance/BTC", "trade"]), [first]);
      const { subjectId, schemaId } = first;
      assert.deepEqual(await one.bindings([producer, subjectId]), [{ kind: "bound", schemaId }]);
    });

    it("makes each of a batch once; a subject has a schema for each kind, and keeps the first one", async () => {
      const one = await scene();

      const [a, b, c, d, again] = await one.legacy(
        [producer, "x/A", "trade"],
        [producer, "x/A", "quote"],
        [producer, "x/B", "quote"],
        [other, "x/A", "trade"],
        [producer, "x/A", "trade"],
      );

      assert(a?.kind === "bound" && b?.kind === "bound" && c?.kind === "bound");
      assert.equal(a.subjectId, b.subjectId);
      assert.notEqual(a.schemaId, b.schemaId);
      assert.notEqual(a.subjectId, c.subjectId);
      assert.equal(b.schemaId, c.schemaId);
      assert.deepEqual([d, again], [a, a]);
      const bound = await one.bindings([producer, a.subjectId], [other, a.subjectId]);
      assert.deepEqual(bound, Array(2).fill({ kind: "bound", schemaId: a.schemaId }));
      assert.deepEqual(await one.legacy(), []);
    });

    it("leaves a subject alone that was registered, but to those who may write about it (ING-11)", async () => {
      const one = await scene();
      const { subjectId, schemaId } = await one.subject({ subjectKey: "x/A" });

      const [own, others] = await one.legacy([producer, "x/A", "trade"], [other, "x/A", "trade"]);

      assert(own?.kind === "bound");
      assert.equal(own.subjectId, subjectId);
      assert.notEqual(own.schemaId, schemaId);
      assert.deepEqual(others, forbidden);
      assert.deepEqual(await one.bindings([producer, subjectId]), [{ kind: "bound", schemaId }]);
    });

    it("keeps a producer out to whom people have said no", async () => {
      const one = await scene();
      const [made] = await one.legacy([producer, "x/A", "trade"]);
      assert(made?.kind === "bound");
      await one.review(made.subjectId, producer, false);

      assert.deepEqual(await one.legacy([producer, "x/A", "trade"], [other, "x/A", "trade"]), [forbidden, made]);
    });

    it("makes subjects that nobody can take over by registering them", async () => {
      const one = await scene();
      await one.legacy([producer, "x/A", "trade"]);

      assert.deepEqual(await one.register({ producerId: other, subjectKey: "x/A" }), refused("needs_review"));
      assert.deepEqual(await one.register({ subjectKey: "x/A" }), refused("schema_conflict"));
    });
  });
}
