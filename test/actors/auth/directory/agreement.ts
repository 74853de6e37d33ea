/** Whatever is done to both halves, they answer alike, and are alike in the end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Directory, DirectoryLimits } from "#actors/auth/directory/directory.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Half } from "#test/actors/auth/directory/halves.ts";
import {
  grantOf,
  registrationOf,
  requestOf,
  reviewOf,
  smallLimits,
  tokenOf,
  within,
} from "#test/actors/auth/directory/scene.ts";
import { runsOf } from "#test/kit/runs.ts";

/** Each one has a schema of its own, and a database with a hundred thousand tables is a slow one: a tenth of what is asked for. */
const RUNS = runsOf({ usual: 20, slowness: 10 });

/** Does one thing, and answers with what came of it. A token that it makes is called by its number. */
type Step = (half: Half, number: number) => Promise<unknown>;

// Few of each, so that most steps meet what others have done.
const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
const nonce = fc.integer({ min: 0, max: 20 }).map(String);
const place = fc.integer({ min: 0, max: 3 });
/** Few, so that what comes with the same nonce has come in the same entry now and then. */
const entry = fc.integer({ min: 1, max: 2 }).map((id) => `a stream ${id}-1`);
const owner = fc.oneof({ weight: 4, arbitrary: fc.constant("its own" as const) }, { weight: 1, arbitrary: place });
const token = fc.nat();
const text = fc.constantFrom("", "x", "a\0b", "\ud800", "é\u{1f600}");
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const said = fc.record({
  nonce,
  entry,
  certificate: maybe(fc.record({ keyId: text, principal: text })),
  isUnmistakable: fc.boolean(),
  textFingerprint: fc.integer({ min: 0, max: 9 }).map(String),
  hint: maybe(text),
  contact: maybe(text),
  meta: fc.dictionary(text, text, { maxKeys: 2 }),
  pendingMax: fc.integer({ min: 1, max: 3 }),
  atMs: fc.nat(),
});
const register = fc.tuple(key, maybe(place), said).map(([fingerprint, of, rest]): Step => {
  return (half) => {
    const producerId = of === undefined ? undefined : half.producer(of);
    return half.scene.directory.register(registrationOf(fingerprint, { ...rest, producerId }), within);
  };
});
const deregister = fc.tuple(key, nonce, entry).map(([fingerprint, once, of]): Step => {
  return ({ scene }) => scene.directory.deregister(requestOf(fingerprint, "deregister", once, 1, of), within);
});
const spend = fc.tuple(key, nonce, entry).map(([fingerprint, once, of]): Step => {
  return ({ scene }) => scene.directory.spend(requestOf(fingerprint, "subject", once, 1, of), within);
});
const asked = fc.tuple(maybe(nonce), entry);
const issue = fc.tuple(key, owner, asked, maybe(fc.uuid())).map(([fingerprint, of, [once, at], subjectId]): Step => {
  return async (half, number) => {
    const grant = grantOf(`t${number}`, fingerprint, await half.ownerOf(fingerprint, of), subjectId);
    const request = once === undefined ? undefined : requestOf(fingerprint, "exchange", once, 1, at);
    half.noteToken(grant.jti);
    return half.scene.directory.issue(grant, request, within);
  };
});
const renew = fc.tuple(token, fc.nat({ max: 4 })).map(([old, odds]): Step => {
  return (half, number) => {
    const jti = half.token(old);
    half.noteToken(`t${number}`);
    const { issuedAt } = tokenOf(jti);
    return half.scene.directory.renew(jti, tokenOf(`t${number}`), odds === 0 ? issuedAt + 1 : issuedAt, within);
  };
});
const revoke = fc.tuple(token, fc.boolean()).map(
  ([old, isSigned]): Step =>
    (half) =>
      half.scene.directory.revokeToken({ jti: half.token(old), isSigned, reason: "lost", atMs: 1 }, within),
);
const approve = fc.tuple(key, owner, fc.nat({ max: 4 })).map(([fingerprint, of, odds]): Step => {
  return async (half) => {
    const review = reviewOf(fingerprint, await half.ownerOf(fingerprint, of));
    return half.scene.directory.approve({ ...review, mayRotate: odds > 0 }, within);
  };
});
const deny = fc.tuple(key, owner).map(([fingerprint, of]): Step => {
  return async (half) => half.scene.directory.deny(reviewOf(fingerprint, await half.ownerOf(fingerprint, of)), within);
});
/** None of it, the oldest of it, and all that can go: what was asked for at 1, keys that were decided about, tokens. */
const prune = fc.constantFrom(1, 2, 1_760_000_000_124, 1_760_003_600_000, 1_760_003_600_001).map((beforeMs): Step => {
  return ({ scene }) => scene.directory.prune(beforeMs, 1000, within);
});
const look = fc
  .tuple(fc.constantFrom("pending", "all", "active", "registered"), fc.integer({ min: 1, max: 3 }), maybe(place), key)
  .map(([filter, limit, before, name]): Step => {
    return async ({ scene: { directory } }) => [
      await directory.list(filter, limit, before, within),
      await directory.keyOf(name, within),
      await directory.keyOf(String(before), within),
    ];
  });
const change = fc.integer({ min: 0, max: 9 }).map((since): Step => {
  return ({ scene }) => scene.directory.changesSince(since, within);
});

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: register },
    { weight: 1, arbitrary: deregister },
    { weight: 1, arbitrary: spend },
    { weight: 4, arbitrary: issue },
    { weight: 4, arbitrary: renew },
    { weight: 1, arbitrary: revoke },
    { weight: 5, arbitrary: approve },
    { weight: 1, arbitrary: deny },
    { weight: 1, arbitrary: prune },
    { weight: 1, arbitrary: look },
    { weight: 1, arbitrary: change },
  ),
  { minLength: 40, maxLength: 60, size: "max" },
);

/** Two producers, and a token that was renewed. */
async function begin(half: Half): Promise<void> {
  const a = await half.scene.approved("a");
  await half.scene.approved("b");
  await half.scene.issue(grantOf("first", "a", a));
  await half.scene.renew("first", "second");
  for (const jti of ["first", "second"]) half.noteToken(jti);
  await half.whole();
}

/** What can come of a step, in one word. */
const OUTCOMES = [
  ...["pending", "approved", "still-pending", "denied", "full", "replay", "deregistered", "spent", "unknown-key"],
  ...["revoked", "superseded", "producer_not_found", "producer_not_approved", "unknown_key"],
  ...["issued", "renewed", "refused", "key_not_approved", "wrong_producer", "producer_disabled"],
  ...[
    "unknown_token",
    "token_revoked",
    "renewals_over",
    "new_producer",
    "key_rotation",
    "not-found",
    "not-pending",
    "wrong-producer",
    "rotation",
  ],
  ...["key", "producer", "token", "auth.changes-forgotten"],
];

export function describeAgreement(open: (limits: DirectoryLimits) => Promise<Directory>): void {
  describe("directory: both halves", () => {
    it("give the same answers to the same steps, and end alike", async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          const memory = new Half(new MemoryDirectory(seededRandom(1), smallLimits));
          const postgres = new Half(await open(smallLimits));
          for (const half of [memory, postgres]) await begin(half);
          for (const [number, step] of script.entries()) {
            const expected = memory.tell(await step(memory, number));
            assert.equal(postgres.tell(await step(postgres, number)), expected);
            for (const [word] of expected.matchAll(/(?<=(kind|reason|type|code): ')[\w.-]+(?=')/g)) seen.add(word);
          }
          assert.equal(await postgres.whole(), await memory.whole());
        }),
        { numRuns: RUNS, endOnFailure: false },
      );

      const missed = OUTCOMES.filter((outcome) => !seen.has(outcome));
      assert(missed.length <= OUTCOMES.length / 4, `most outcomes are seen, not: ${missed.join(", ")}`);
    });
  });
}
