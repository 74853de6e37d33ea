/** Licence expressions against a model that writes them, and the list of the house against the packages that there are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { repository } from "#library/checkout.ts";
import { isAllowed, LICENCE_LENGTH_MAX } from "#release/licence.ts";
import { LICENCE_POLICY } from "#release/licence-policy.ts";
import { licenceProblems, staleExceptions } from "#release/licences.ts";
import { readLockfile } from "#release/lockfile.ts";
import { readInstalled } from "#release/real/installed.ts";
import { must } from "#runtime/errors.ts";
import { drawnAs } from "#test/kit/runs.ts";

interface Written {
  readonly text: string;
  readonly isAllowed: boolean;
}

const ALLOWED = new Set(["MIT", "Apache-2.0 WITH LLVM-exception"]);
const NAMES = ["MIT", "GPL-2.0+", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT WITH LLVM-exception"];

/** Every group in brackets, so that the model needs no precedence. */
const { expression } = fc.letrec<{ readonly expression: Written; readonly name: Written; readonly group: Written }>(
  (tie) => ({
    name: fc.constantFrom(...NAMES).map((text) => ({ text, isAllowed: ALLOWED.has(text) })),
    group: fc.tuple(tie("expression"), fc.constantFrom("AND", "OR"), tie("expression")).map(([one, word, other]) => ({
      text: `(${one.text} ${word} ${other.text})`,
      isAllowed: word === "OR" ? one.isAllowed || other.isAllowed : one.isAllowed && other.isAllowed,
    })),
    expression: fc.oneof({ maxDepth: 4 }, tie("name"), tie("group")),
  }),
);

describe("release: licence expressions", () => {
  it("agree with a model of them", () => {
    fc.assert(
      fc.property(expression, ({ text, isAllowed: wanted }) => {
        if (text.length <= LICENCE_LENGTH_MAX) assert.deepEqual(isAllowed(text, ALLOWED), { ok: true, value: wanted });
      }),
      drawnAs({ usual: 200, slowness: 1 }),
    );
  });

  it("read AND before OR, without brackets", () => {
    const answers = ["MIT OR ISC AND ISC", "ISC AND ISC OR MIT", "(MIT OR ISC) AND ISC"].map((text) =>
      isAllowed(text, new Set(["MIT"])),
    );

    assert.deepEqual(
      answers,
      [true, true, false].map((value) => ({ ok: true, value })),
    );
  });

  it("are nothing else: no half of one, no sentence, no list", () => {
    const none = [
      "",
      " ",
      "MIT OR",
      "OR MIT",
      "(MIT",
      "MIT)",
      "MIT ISC",
      "MIT or ISC",
      "MIT, ISC",
      "SEE LICENSE IN x.md",
    ];

    for (const text of [...none, "MIT WITH", "WITH MIT", `${"(".repeat(LICENCE_LENGTH_MAX)}MIT`]) {
      const answer = isAllowed(text, new Set(["MIT", "ISC", "SEE", "LICENSE", "IN"]));
      assert.equal(answer.ok, false, text);
    }
  });
});

describe("release: licences", () => {
  const packages = [
    { name: "a", version: "1.0.0", licence: "MIT" },
    { name: "b", version: "2.0.0", licence: undefined },
    { name: "c", version: "1.0.0", licence: "AGPL-3.0-only" },
  ];

  it("are told where nobody allowed them, and where nothing is said", () => {
    assert.deepEqual(licenceProblems(packages, { allowed: new Set(["MIT"]), exceptions: [] }), [
      "b 2.0.0 says nothing of its licence",
      "c 1.0.0 has the licence AGPL-3.0-only, which is not in the list",
    ]);
  });

  it("are overruled for one version, by a licence of the list, and the row is told of when the version has gone", () => {
    const exception = (version: string, licence: string) => ({ packages: ["b"], version, licence, because: "x" });
    const policy = { allowed: new Set(["MIT", "AGPL-3.0-only"]), exceptions: [exception("2.0.0", "MIT")] };
    const old = { ...policy, exceptions: [exception("1.9.0", "MIT")] };
    const wrong = { ...policy, exceptions: [exception("2.0.0", "ISC")] };

    assert.deepEqual([licenceProblems(packages, policy), staleExceptions(packages, policy)], [[], []]);
    assert.deepEqual(staleExceptions(packages, old), ["the exception for b 1.9.0 is about no package that there is"]);
    assert.deepEqual(licenceProblems(packages, old), ["b 2.0.0 says nothing of its licence"]);
    assert.deepEqual(licenceProblems(packages, wrong), ["b 2.0.0 has the licence ISC, which is not in the list"]);
  });

  it("are in the list for every package of this repository, installed as it is locked", () => {
    const locks = ["", "bench/peers", "test/library/nodes", "test/release/schema", "test/runtime/bucket/server"];
    const [root, ...others] = locks.map((folder) => {
      const text = readFileSync(join(repository, folder, "package-lock.json"), "utf8");
      return must(readLockfile(text), `${folder}/package-lock.json can be read`);
    });
    assert(root !== undefined);
    const { packages: installed, problems } = readInstalled(repository, root);
    const all = [...installed, ...root.packages, ...others.flatMap((lock) => lock.packages)];

    assert.deepEqual(problems, []);
    assert(installed.length > 90, `${installed.length} are installed`);
    assert.deepEqual([...licenceProblems(all, LICENCE_POLICY), ...staleExceptions(all, LICENCE_POLICY)], []);
  });
});
