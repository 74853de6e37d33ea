/** What the root reads of a configuration, and which parts of a tree it has after that. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { describeInvalid } from "#supervisor/root/node.ts";
import { type Parts, partsOf } from "#supervisor/root/parts.ts";
import { readRootConfig } from "#supervisor/root/root-config.ts";
import { fixtureTree, optionalTree } from "#test/supervisor/fixture/tree.ts";

const on = { beta: { enabled: true } };
type Environment = Readonly<Record<string, string>>;

function parts(raw: Readonly<Record<string, unknown>>, environment: Environment = {}, tree = optionalTree): Parts {
  return partsOf(tree, must(readRootConfig(tree, raw as never, environment), "the configuration"));
}

function problem(raw: Readonly<Record<string, unknown>>, environment: Environment = {}): string | undefined {
  const read = readRootConfig(optionalTree, raw as never, environment);
  return read.ok ? undefined : describeInvalid(read.failure);
}

const names = ({ tree, own, others }: Parts): unknown => [
  tree.cells.map(({ name }) => name),
  own.map(({ name }) => name),
  others,
];

describe("root: parts of the tree", () => {
  it("has a cell that is enabled in the file or the environment, and the servers that it works with (SUP-35)", () => {
    assert.deepEqual(names(parts({})), [["data"], [], {}]);
    assert.deepEqual(names(parts({ beta: { enabled: false } })), [["data"], [], {}]);
    assert.deepEqual(names(parts(on)), [["data", "ops"], ["postgres", "redis"], {}]);
    assert.deepEqual(names(parts({}, { CEPA_BETA_ENABLED: "true" })), [["data", "ops"], ["postgres", "redis"], {}]);
    assert.deepEqual(names(parts(on, { CEPA_BETA_ENABLED: "false" })), [["data"], [], {}]);
  });

  it("runs no server for which it has a URL (SUP-35)", () => {
    const redis = { url: "rediss://a" };

    assert.deepEqual(names(parts({ ...on, redis })), [["data", "ops"], ["postgres"], { redis: redis.url }]);
    assert.deepEqual(names(parts({ redis })), [["data"], [], {}]);
  });

  it("has every cell of a tree that leaves none to choose", () => {
    assert.deepEqual(names(parts({}, {}, fixtureTree)), [["data", "ops"], [], {}]);
  });

  it("gives producers rights to the streams that settings name, and to none that means more to Redis (SUP-37)", () => {
    const rights = (raw: object, environment: Environment = {}) =>
      must(readRootConfig(optionalTree, raw as never, environment), "the configuration").producers;
    const usual = { writes: ["events"], reads: ["answers:*"] };

    assert.deepEqual(rights({}), usual);
    assert.deepEqual(rights({ beta: { in: "old:in" } }, { CEPA_BETA_OUT: "old.out" }), {
      writes: [...usual.writes, "old:in"],
      reads: [...usual.reads, "old.out"],
    });
    for (const name of ["", "*", "a*", "a)", "a b", "[a]", 7]) assert.deepEqual(rights({ beta: { in: name } }), usual);
  });

  it("leaves the other settings of a section to its actor, and refuses what is wrong with its own", () => {
    assert.equal(problem({ beta: { enabled: true, pauseMs: "what an actor refuses" } }), undefined);
    assert.match(problem({ beta: { enabled: "yes" } }) ?? "", /^beta\.enabled is "yes", expected/);
    assert.match(problem({ redis: { port: 70_000 } }) ?? "", /^redis\.port is 70000, allowed are 0 to 65535$/);
    assert.match(problem({ postgres: { url: "mysql://a" } }) ?? "", /^postgres\.url is /);
    assert.match(problem({ redis: { ports: 1 } }) ?? "", /did you mean .*port/);
    assert.match(problem({ rediss: {} }) ?? "", /rediss.*redis/);
  });
});
