/** What a payload may have been signed for: no two operations that do something for one key. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Operation } from "#actors/auth/directory/directory.ts";
import { isFor, purposeOf } from "#actors/auth/purpose.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";

const OPERATIONS: readonly Operation[] = ["register", "deregister", "subject", "exchange"];

const value = fc.oneof(fc.constantFrom("register", "deregister", "exchange", "subject", "", null, 1), fc.string());
const payload: fc.Arbitrary<JsonObject> = fc
  .dictionary(
    fc.constantFrom("op", "action", "subject_id", "producer_id", "producer_hint", "contact", "meta", "x", "__proto__"),
    value,
    { maxKeys: 4 },
  )
  // With a name of its own, as what is read has it.
  .map((members) => Object.fromEntries(Object.entries(members)));

function takenFor(members: JsonObject): readonly Operation[] {
  return OPERATIONS.filter((operation) => isFor(operation, purposeOf(members)));
}

describe("auth: the purpose of a payload", () => {
  it("is one operation, or none; or an exchange and a registration that an approved key cannot make (AUTH-6)", () => {
    fc.assert(
      fc.property(payload, (members) => {
        const operations = takenFor(members);

        const isAmbiguous = purposeOf(members) === "exchange-or-rotation";
        assert.deepEqual(isAmbiguous ? operations : operations.slice(1), isAmbiguous ? ["register", "exchange"] : []);
        assert(!isAmbiguous || (Object.hasOwn(members, "producer_id") && !Object.hasOwn(members, "action")));
      }),
    );
  });

  it("is to deregister only where it says so (AUTH-6)", () => {
    fc.assert(
      fc.property(payload, (members) => {
        const isSaid = !Object.hasOwn(members, "op") && members["action"] === "deregister";

        assert.equal(takenFor(members).includes("deregister"), isSaid);
      }),
    );
  });

  for (const [members, expected] of [
    [{}, ["register"]],
    [{ producer_hint: "a" }, ["register"]],
    [{ producer_hint: "a", producer_id: "p" }, ["register"]],
    [{ meta: {} }, ["register"]],
    [{ producer_id: "p" }, ["register", "exchange"]],
    [{ producer_id: "p", action: "register" }, ["register"]],
    [{ producer_id: "p", action: "exchange" }, ["exchange"]],
    [{ producer_id: "p", subject_id: "s" }, ["exchange"]],
    [{ action: "deregister" }, ["deregister"]],
    [{ action: "deregister", producer_hint: "a" }, ["deregister"]],
    [{ action: "leave" }, []],
    [{ action: null }, []],
    [{ op: "register", action: "deregister" }, ["subject"]],
  ] as const) {
    it(`of ${JSON.stringify(members)} is ${expected.join(" or ") || "none"}`, () => {
      assert.deepEqual(takenFor(members), expected);
    });
  }
});
