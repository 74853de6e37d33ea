/**
 * Two builds of a commit, and what makes them differ: a dependence on the surroundings is planted, and told by its place. Some of
 * them are planted each time; `CEPA_RUNS`, as `./cepa verify` sets it, plants all.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { buildTwice } from "#release/real/build-twice.ts";
import { otherNode } from "#release/real/programs.ts";
import type { Gate } from "#release/verdict.ts";
import { must } from "#runtime/errors.ts";
import { Fixture, packer } from "#test/release/fixture.ts";

const STEP = process.env["CEPA_RUNS"] === undefined ? 3 : 1;

const DEPENDENCES = [
  ["the folder", "process.cwd()"],
  ["the time zone", "new Date(0).getHours()"],
  ["chance", "Math.random()"],
  ["the modes of files", '(await import("node:fs")).statSync("package.json").mode'],
  ["the umask", "process.umask()"],
] as const;

let fixture: Fixture;
before(() => {
  fixture = new Fixture();
});
after(() => fixture[Symbol.dispose]());

async function gateOf(contents: string, node: string | undefined): Promise<Gate> {
  fixture.write("library/pack.ts", packer(contents));
  const built = await buildTwice(fixture.root, fixture.commit(), node);
  return must(built, "the fixture is built").gate;
}

describe("release: building twice", () => {
  it("makes sources and library of the commit, and nothing of what is not in it", async () => {
    const node = await otherNode();
    const commit = fixture.commit();
    fixture.write("library/pack.ts", "not committed");
    const { artefacts, gate } = must(await buildTwice(fixture.root, commit, node), "the fixture is built");

    assert.deepEqual([...artefacts.files.keys()], ["onion-1.2.3-source.tar.gz", "onion-1.2.3.tgz"]);
    assert.equal(artefacts.version, "1.2.3");
    if (node === undefined) assert.equal(gate.verdict, "not-checked");
    else assert.deepEqual([gate.verdict, gate.name], ["pass", "reproducible"], gate.reason);
  });

  it("has not checked that another Node makes the same where there is none", async () => {
    const { verdict, reason } = await gateOf('"x"', undefined);

    assert.equal(verdict, "not-checked");
    assert.match(reason, /alone: put another Node into PATH, or name it by --other-node/);
  });

  for (const [what, contents] of DEPENDENCES.filter((_, index) => index % STEP === 0)) {
    it(`catches what depends on ${what}`, async () => {
      const { verdict, reason } = await gateOf(contents, undefined);

      assert.equal(verdict, "fail");
      assert.match(reason, /two builds of onion-1\.2\.3\.tgz are not the same: package\/index\.js has other bytes/);
    });
  }

  it("catches what depends on the Node that npm runs on", async (context) => {
    const node = await otherNode();
    if (node === undefined) return context.skip("there is no other Node in PATH");
    const { verdict, reason } = await gateOf('execFileSync("node", ["--version"])', node);

    assert.equal(verdict, "fail", reason);
  });

  it("says why there is nothing, where the sources cannot be packed", async () => {
    fixture.write("library/pack.ts", "process.stderr.write('cepa: no\\n'); process.exit(1);");
    const built = await buildTwice(fixture.root, fixture.commit(), undefined);

    assert(!built.ok);
    assert.equal(built.failure.code, "release.unbuilt");
    assert.match(built.failure.cause, /ended with 1: cepa: no$/);
  });
});
