/**
 * The rules of the house, each held against the repository and against offenders planted for it.
 *
 * A rule that does not catch its planted offender protects nothing, so it fails here too.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { caught } from "#test/house/rule.ts";
import { rules } from "#test/house/rules.ts";
import { readTree } from "#test/house/tree.ts";

const files = readTree(join(import.meta.dirname, "..", ".."));

for (const [subject, list] of Object.entries(rules)) {
  describe(`house: ${subject}`, () => {
    for (const rule of list) {
      it(rule.name, () => {
        assert.deepEqual(rule.check(files), []);
      });

      for (const planted of rule.planted) {
        it(`${rule.name} (catches ${planted.what})`, () => {
          const said = caught(rule, files, planted);

          assert(
            said.some((line) => line.includes(planted.says)),
            `says nothing of it, but: ${said.join("; ") || "nothing"}`,
          );
        });
      }
    }
  });
}
