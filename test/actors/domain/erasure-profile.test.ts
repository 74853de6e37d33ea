/** Profiles: the table by failure domains, the setting, and what is written while domains are missing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ackMargin,
  copiesOf,
  type ErasureProfile,
  explainRefusal,
  parseErasure,
  profileFor,
  shardCountOf,
} from "#actors/domain/erasure-profile.ts";
import { SHARDS_MAX } from "#runtime/erasure/kernel.ts";

const profiles: fc.Arbitrary<ErasureProfile> = fc
  .record({ dataShards: fc.integer({ min: 1, max: 16 }), parityShards: fc.integer({ min: 1, max: 16 }) })
  .map((profile) => ({ ...profile }));

describe("erasure profile: auto", () => {
  it("has for every number of domains its row of the table", () => {
    /** Domains from, k, acknowledge at, n. */
    const table = [
      [0, 1, 1, 1],
      [2, 1, 2, 2],
      [3, 2, 3, 3],
      [4, 2, 3, 4],
      [6, 4, 5, 6],
      [9, 6, 8, 9],
      [14, 10, 12, 14],
    ] as const;
    for (let domainCount = 0; domainCount <= 40; domainCount += 1) {
      const [, k, ackAt, n] = table.findLast(([from]) => domainCount >= from) ?? table[0];

      const profile = profileFor("auto", domainCount);

      const { dataShards } = profile;
      assert.deepEqual(
        [dataShards, dataShards + ackMargin(profile), shardCountOf(profile)],
        [k, ackAt, n],
        `${domainCount} domains`,
      );
      assert(domainCount === 0 || shardCountOf(profile) <= domainCount, "every shard has a domain of its own");
      assert.equal(copiesOf(profile), n - k + 1);
    }
  });
});

describe("erasure profile: what was asked for", () => {
  it("is itself where there are domains enough, and none is one copy", () => {
    fc.assert(
      fc.property(profiles, fc.nat(20), (profile, more) => {
        assert.deepEqual(profileFor(profile, shardCountOf(profile) + more), profile);
      }),
    );
    assert.deepEqual(profileFor("none", 6), { dataShards: 1, parityShards: 0 });
  });

  it("keeps what it survives in fewer domains, down to copies on all of them", () => {
    fc.assert(
      fc.property(profiles, fc.integer({ min: 1, max: 40 }), (profile, domainCount) => {
        const now = profileFor(profile, domainCount);

        assert(now.dataShards >= 1 && now.dataShards <= profile.dataShards);
        assert(shardCountOf(now) <= domainCount);
        assert.equal(now.parityShards, Math.min(profile.parityShards, domainCount - 1));
      }),
    );
    const asked = { dataShards: 4, parityShards: 2 };
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6].map((count) => profileFor(asked, count)).map((now) => [now.dataShards, now.parityShards]),
      [
        [1, 0],
        [1, 0],
        [1, 1],
        [1, 2],
        [2, 2],
        [3, 2],
        [4, 2],
      ],
    );
  });
});

describe("erasure profile: parseErasure", () => {
  it("reads none, auto and every profile", () => {
    assert.deepEqual(parseErasure("none"), { ok: true, value: "none" });
    assert.deepEqual(parseErasure("auto"), { ok: true, value: "auto" });
    fc.assert(
      fc.property(profiles, (profile) => {
        const text = `${profile.dataShards}+${profile.parityShards}`;

        assert.deepEqual(parseErasure(text), { ok: true, value: profile });
      }),
    );
  });

  it("says of any other text why it is none", () => {
    const whyOf = (text: string): string => {
      const parsed = parseErasure(text);
      return parsed.ok ? "ok" : parsed.failure.why;
    };

    for (const text of ["", "4", "4+", "+2", "4 + 2", "4+2+1", "-4+2", "4.0+2", "Auto", "0x4+2", "1000+1", "4+2\n"]) {
      assert.equal(whyOf(text), "malformed", JSON.stringify(text));
    }
    assert.deepEqual(["0+2", "00+2", "4+0", "0+0"].map(whyOf), ["no-data", "no-data", "no-parity", "no-data"]);
    assert.deepEqual([`${SHARDS_MAX - 1}+1`, `${SHARDS_MAX}+1`, "999+999"].map(whyOf), ["ok", "too-many", "too-many"]);
  });

  it("explains each refusal by what would be right", () => {
    const explain = (text: string): string => {
      const parsed = parseErasure(text);
      assert(!parsed.ok);
      return explainRefusal(parsed.failure);
    };

    assert.match(explain("4/2"), /"none", "auto".*"4\+2"/);
    assert.match(explain("0+2"), /data shards/);
    assert.match(explain("4+0"), /parity shards.*"none"/);
    assert.match(explain("32+1"), /more than 32 shards/);
  });

  it("never throws, and reads nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9+]{0,8}$/)), (text) => {
        const parsed = parseErasure(text);

        if (parsed.ok && typeof parsed.value !== "string") {
          assert.deepEqual(text.split("+").map(Number), [parsed.value.dataShards, parsed.value.parityShards]);
        }
      }),
    );
  });
});
