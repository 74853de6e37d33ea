/** What every directory promises of requests that are delivered again, and of keys that sign tokens. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  DIRECTORY_LIMITS,
  type Directory,
  type DirectoryLimits,
  SIGNING_KEYS_MAX,
  type SigningKeyFacts,
} from "#actors/auth/directory/directory.ts";
import { must } from "#runtime/errors.ts";
import { atMs, grantOf, requestOf, Scene, within } from "#test/actors/auth/directory/scene.ts";

const entry = "fdc:register 1-0";

export function describeRedelivery(half: string, open: (limits: DirectoryLimits) => Promise<Directory>): void {
  const scene = async (): Promise<Scene> => new Scene(await open(DIRECTORY_LIMITS));
  const about = (operation: string, tests: () => void): void =>
    void describe(`directory (${half}): ${operation}`, tests);

  about("a request that is delivered again", () => {
    it("is answered as before, whatever has been decided since, and changes nothing", async () => {
      const one = await scene();
      const first = { nonce: "1", entry };
      const pending = await one.register("a", first);
      assert(pending.kind === "pending");
      const { producerId } = pending;
      const waiting = await one.register("a", { nonce: "2", entry });
      await one.approve("a", producerId);
      const approved = await one.register("a", { nonce: "3", entry });
      const left = await one.deregister("a", "4", entry);
      const ambiguous = await one.register("a", { nonce: "5", entry, isUnmistakable: false });
      const back = await one.register("a", { nonce: "6", entry });
      await one.deny("a", producerId);
      const denied = await one.register("a", { nonce: "7", entry });
      const refused = await one.deregister("a", "8", entry);

      const changes = await one.changesBy(async () => {
        assert.deepEqual(await one.register("a", first), pending);
        assert.deepEqual(await one.register("a", { nonce: "2", entry }), waiting);
        assert.deepEqual(await one.register("a", { nonce: "3", entry }), approved);
        assert.deepEqual(await one.deregister("a", "4", entry), left);
        assert.deepEqual(await one.register("a", { nonce: "5", entry }), ambiguous);
        assert.deepEqual(await one.register("a", { nonce: "6", entry }), back);
        assert.deepEqual(await one.register("a", { nonce: "7", entry }), denied);
        assert.deepEqual(await one.deregister("a", "8", entry), refused);
      });

      assert.deepEqual(changes, []);
      assert.equal(waiting.kind, "still-pending");
      assert.deepEqual(approved, { kind: "approved", producerId, wasDisabled: false });
      assert.deepEqual(left, { kind: "deregistered", producerId });
      assert.deepEqual(ambiguous, { kind: "denied", producerId, reason: "ambiguous_payload" });
      assert.deepEqual(back, { kind: "approved", producerId, wasDisabled: true });
      assert.deepEqual(denied, { kind: "denied", producerId, reason: "revoked" });
      assert.deepEqual(refused, { kind: "denied", reason: "revoked" });
    });

    it("is told by its entry, by what it was for, and by its signature: any other is a replay", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.spend("a", "n", entry);
      const other = { ...requestOf("a", "subject", "n", atMs, entry), signature: new Uint8Array(64).fill(8) };

      assert.deepEqual(await one.spend("a", "n", "fdc:register 1-1"), { kind: "replay" });
      assert.deepEqual(await one.spend("a", "n", "fdc:token:exchange 1-0"), { kind: "replay" });
      assert.deepEqual(await one.deregister("a", "n", entry), { kind: "replay" });
      assert.deepEqual(await one.register("a", { nonce: "n", entry }), { kind: "replay" });
      const grant = grantOf("t1", "a", producerId);
      assert.deepEqual(await one.issue(grant, requestOf("a", "exchange", "n", atMs, entry)), { kind: "replay" });
      assert.deepEqual(must(await one.directory.spend(other, within), "spend"), { kind: "replay" });
      assert.equal((await one.spend("a", "n", entry)).kind, "spent");
    });

    it("is said to be one where its caller decides, with what the key is now", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.spend("a", "n", entry);
      await one.deny("a", producerId);

      const again = await one.spend("a", "n", entry);

      const key = { fingerprint: "a", producerId, status: "revoked", isDisabled: false };
      assert.deepEqual(again, { kind: "spent", key, isRedelivery: true });
    });

    it("is given another token, but not where none would be given now, and never after a refusal", async () => {
      const one = await scene();
      const producerId = await one.pending("a");
      const exchange = (nonce: string) => requestOf("a", "exchange", nonce, atMs, entry);
      const issue = (jti: string, nonce: string) => one.issue(grantOf(jti, "a", producerId), exchange(nonce));
      const notApproved = { kind: "refused", reason: "key_not_approved" };

      assert.deepEqual(await issue("t0", "early"), notApproved);
      await one.approve("a", producerId);
      assert.deepEqual(await issue("t0", "early"), notApproved);
      assert.deepEqual(await issue("t1", "n"), { kind: "issued" });
      assert.deepEqual(await issue("t2", "n"), { kind: "issued" });
      assert.deepEqual(await one.counting("t0", "t1", "t2"), ["t1", "t2"]);
      await one.deregister("a");
      assert.deepEqual(await issue("t3", "n"), { kind: "refused", reason: "producer_disabled" });
      await one.register("a");
      await one.deny("a", producerId);
      assert.deepEqual(await issue("t3", "n"), notApproved);

      assert.deepEqual(await one.tokens("t3"), {});
    });

    it("is given a token that goes with the first one, however often, and none after that (AUTH-5, AUTH-9)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const issue = (jti: string) =>
        one.issue(grantOf(jti, "a", producerId), requestOf("a", "exchange", "n", atMs, entry));
      for (const jti of ["t1", "t2", "t3"]) await issue(jti);
      await one.renew("t2", "t2 renewed");
      await one.issue(grantOf("other", "a", producerId));
      const all = ["t1", "t2", "t2 renewed", "t3", "other"];

      const before = await one.counting(...all);
      await one.revokeToken("t1");

      assert.deepEqual([before, await one.counting(...all)], [all, ["other"]]);
      const revoked = { kind: "refused", reason: "token_revoked" };
      assert.deepEqual([await one.renew("t2", "x"), await issue("x")], [revoked, revoked]);
      assert.deepEqual(await one.tokens("x"), {});
    });

    it("takes the first one with it where the other is revoked", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      for (const jti of ["t1", "t2"]) {
        await one.issue(grantOf(jti, "a", producerId), requestOf("a", "exchange", "n", atMs, entry));
      }

      await one.revokeToken("t2");

      assert.deepEqual(await one.counting("t1", "t2"), []);
    });

    it("is given none when the first one is known no longer, by which it could be ended (AUTH-23)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const issue = (jti: string) =>
        one.issue(grantOf(jti, "a", producerId), requestOf("a", "exchange", "n", atMs, entry));
      await issue("t1");
      await one.prune();

      assert.deepEqual(await issue("t2"), { kind: "refused", reason: "unknown_token" });
      assert.deepEqual(await one.tokens("t2"), {});
    });

    it("of which nothing is kept is a new one", async () => {
      const one = await scene();

      assert.equal((await one.deregister("a", "n", entry)).kind, "denied");
      assert.deepEqual(await one.spend("a", "n", entry), { kind: "unknown-key" });
      assert.equal((await one.register("a", { nonce: "n", entry })).kind, "pending");
    });
  });

  about("register", () => {
    it("takes of an approved key only what can be nothing else, and of others whatever it is", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.deregister("a");
      const mistakable = { isUnmistakable: false };

      const denied = { kind: "denied", producerId, reason: "ambiguous_payload" };
      assert.deepEqual(await one.register("a", mistakable), denied);
      assert.equal((await one.keyOf("a"))?.isDisabled, true);
      assert.equal((await one.register("b", { ...mistakable, producerId })).kind, "pending");
      assert.equal((await one.register("b", { ...mistakable, producerId })).kind, "still-pending");
    });
  });

  about("shareSigningKey", () => {
    const keyOf = (number: number): SigningKeyFacts => ({
      kid: `kid ${number}`,
      publicKey: new Uint8Array(32).fill(number),
    });
    const share = async ({ directory }: Scene, number: number, usedMs: number, sinceMs = 0) =>
      must(await directory.shareSigningKey(keyOf(number), usedMs, sinceMs, within), "share");

    it("answers with that one and those that were used since, the last one first", async () => {
      const one = await scene();

      assert.deepEqual(await share(one, 1, 1000), [keyOf(1)]);
      assert.deepEqual(await share(one, 2, 2000), [keyOf(2), keyOf(1)]);
      assert.deepEqual(await share(one, 3, 1500), [keyOf(3), keyOf(2), keyOf(1)]);
      assert.deepEqual(await share(one, 1, 1600, 1500), [keyOf(1), keyOf(2)]);
      assert.deepEqual(await share(one, 1, 10, 5000), [keyOf(1)]);
      assert.deepEqual(await share(one, 3, 1700, 1599), [keyOf(3), keyOf(2), keyOf(1)]);
    });

    it("answers with the last ones, where there are more than may be", async () => {
      const one = await scene();
      for (let number = 1; number <= SIGNING_KEYS_MAX + 1; number += 1) await share(one, number, number);

      const kids = (await share(one, 1, 1)).map(({ kid }) => kid);

      assert.equal(kids.length, SIGNING_KEYS_MAX);
      assert.deepEqual(kids.slice(0, 2), ["kid 1", `kid ${SIGNING_KEYS_MAX + 1}`]);
      assert(!kids.includes("kid 2"));
    });
  });
}
