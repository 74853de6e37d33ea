/** What every directory promises of what it removes: nothing that counts, and nothing that would let a request count twice. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DIRECTORY_LIMITS, type Directory, type DirectoryLimits } from "#actors/auth/directory/directory.ts";
import { must } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";
import { atMs, grantOf, requestOf, Scene, tokenOf, within } from "#test/actors/auth/directory/scene.ts";

const expiresMs = tokenOf("t").expiresAt * second;
/** All tokens are over by then, and all that was asked for and decided is older. */
const overMs = expiresMs + 1;
const nothing = { tokenCount: 0, denialCount: 0, requestCount: 0 };

/** `open` makes empty ones. */
export function describePruning(half: string, open: (limits: DirectoryLimits) => Promise<Directory>): void {
  const scene = async (): Promise<Scene> => new Scene(await open(DIRECTORY_LIMITS));
  const lastTokenOf = async ({ directory }: Scene): Promise<string | undefined> =>
    must(await directory.list("all", 10, undefined, within), "list").at(-1)?.token?.jti;

  describe(`directory (${half}): prune`, () => {
    it("removes tokens that are over, and no other (AUTH-23)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue({ ...grantOf("old", "a", producerId), expiresAt: tokenOf("t").expiresAt - 1 });
      await one.issue(grantOf("new", "a", producerId));

      const early = await one.prune(expiresMs - second);
      const late = await one.prune(expiresMs);

      assert.deepEqual([early, late], [nothing, { ...nothing, tokenCount: 1 }]);
      assert.deepEqual(Object.keys(await one.tokens("old", "new")), ["new"]);
      assert.equal(await lastTokenOf(one), "new");
      assert.equal((await one.prune()).tokenCount, 1);
      assert.equal(await lastTokenOf(one), undefined);
    });

    it("shows the last token of those that are kept, also where an earlier one was good for longer", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("long", "a", producerId));
      await one.issue({ ...grantOf("short", "a", producerId), expiresAt: tokenOf("t").expiresAt - 1 });

      await one.prune(expiresMs);

      assert.equal(await lastTokenOf(one), "long");
    });

    it("keeps the first token of an exchange as long as one that came of it, which can be ended by it (AUTH-23)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("first", "a", producerId));
      await one.renew("first", "second");
      must(await one.directory.renew("second", { ...tokenOf("third"), expiresAt: 2_000_000_000 }, 0, within), "renew");

      const pruned = [await one.prune(), await one.prune()];
      const before = await one.counting("first", "second", "third");
      const changes = await one.changesBy(() => one.revokeToken("first"));

      assert.deepEqual(pruned, [{ ...nothing, tokenCount: 1 }, nothing]);
      assert.deepEqual(before, ["first", "third"]);
      assert.deepEqual(changes, [{ kind: "key", id: "a" }]);
      assert.deepEqual(await one.counting("first", "third"), []);
      assert.deepEqual(await one.renew("third", "fourth"), { kind: "refused", reason: "token_revoked" });
      assert.deepEqual(await one.renew("second", "fourth"), { kind: "refused", reason: "unknown_token" });
    });

    it("removes the whole of an exchange from its end, and then the denial of it", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("first", "a", producerId));
      await one.renew("first", "second");
      await one.revokeToken("second");

      const pruned = [await one.prune(), await one.prune(), await one.prune()];

      assert.deepEqual(pruned, [{ ...nothing, tokenCount: 1 }, { ...nothing, tokenCount: 1, denialCount: 1 }, nothing]);
      assert.deepEqual(await one.tokens("first", "second"), {});
      assert.deepEqual(await one.renew("second", "third"), { kind: "refused", reason: "unknown_token" });
    });

    it("keeps a denial that may still be needed: of a token that is known, or a young one", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue({ ...grantOf("long", "a", producerId), expiresAt: 2_000_000_000 });
      for (const jti of ["long", "unknown"]) await one.revokeToken(jti);

      const pruned = [await one.prune(atMs), await one.prune(atMs + 1), await one.prune()];

      assert.deepEqual(pruned, [nothing, { ...nothing, denialCount: 1 }, nothing]);
      assert.equal((await one.tokens("long"))["long"]?.isRevoked, true);
    });

    it("keeps every request of a key that may act, or may yet be approved: it is a replay for ever (AUTH-4, AUTH-24)", async () => {
      const one = await scene();
      const producerId = await one.approved("a", { nonce: "1" });
      await one.deregister("a", "2");
      await one.register("a", { nonce: "3" });
      await one.issue(grantOf("t", "a", producerId), requestOf("a", "exchange", "4"));
      await one.spend("a", "5");
      const waiting = await one.pending("b", { nonce: "1" });
      await one.deregister("b", "2");
      await one.issue(grantOf("u", "b", waiting), requestOf("b", "exchange", "3"));

      const { requestCount } = await one.prune();
      await one.approve("b", waiting);

      assert.equal(requestCount, 0);
      for (const [key, nonces] of [
        ["a", ["1", "2", "3", "4", "5"]],
        ["b", ["1", "2", "3"]],
      ] as const) {
        for (const nonce of nonces) {
          assert.deepEqual(await one.register(key, { nonce }), { kind: "replay" });
          assert.deepEqual(await one.deregister(key, nonce), { kind: "replay" });
          assert.deepEqual(await one.spend(key, nonce), { kind: "replay" });
          const grant = grantOf("x", key, key === "a" ? producerId : waiting);
          assert.deepEqual(await one.issue(grant, requestOf(key, "exchange", nonce)), { kind: "replay" });
        }
      }
      assert.equal((await one.keyOf("a"))?.isDisabled, false);
    });

    for (const [ending, status] of [
      ["superseded", "superseded"],
      ["revoked", "revoked"],
    ] as const) {
      it(`removes the requests of a key that was ${ending} long ago; again they come to nothing (AUTH-24)`, async () => {
        const one = await scene();
        const producerId = await one.approved("a", { nonce: "1" });
        await one.deregister("a", "2");
        await one.register("a", { nonce: "3" });
        await one.issue(grantOf("t", "a", producerId), requestOf("a", "exchange", "4"));
        await one.spend("a", "5");
        if (ending === "revoked") await one.deny("a", producerId);
        else await one.approve("b", await one.pending("b", { nonce: "1", producerId }));

        const early = await one.prune(atMs);
        const late = await one.prune();
        const changes = await one.changesBy(async () => {
          assert.deepEqual(await one.deregister("a", "2"), { kind: "denied", reason: status });
          assert.deepEqual(await one.register("a", { nonce: "3" }), { kind: "denied", producerId, reason: status });
          const again = await one.issue(grantOf("x", "a", producerId), requestOf("a", "exchange", "4"));
          assert.deepEqual(again, { kind: "refused", reason: "key_not_approved" });
          const spent = await one.spend("a", "5");
          assert(spent.kind === "spent" && spent.key.status === status);
        });

        assert.deepEqual([early.requestCount, late.requestCount], [0, 5]);
        assert.deepEqual(changes, []);
        assert.equal((await one.keyOf("a"))?.isDisabled, false);
        assert.deepEqual(await one.tokens("x"), {});
        assert.deepEqual(await one.deregister("a", "5"), { kind: "replay" }, "they are known again");
      });
    }

    it("keeps what an ended key has asked for of late, and answers it as before where it comes again", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.deny("a", producerId);
      await one.register("a", { nonce: "late", entry: "e", atMs: overMs });
      const before = await one.register("a", { nonce: "late", entry: "e", atMs: overMs });

      await one.prune(overMs);

      assert.deepEqual(await one.register("a", { nonce: "late", entry: "f" }), { kind: "replay" });
      assert.deepEqual(await one.register("a", { nonce: "late", entry: "e", atMs: overMs }), before);
    });

    it("is not held up by tokens that are over and have to stay", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      for (const jti of ["r1", "r2"]) {
        await one.issue({ ...grantOf(jti, "a", producerId), expiresAt: tokenOf("t").expiresAt - 1 });
        must(
          await one.directory.renew(jti, { ...tokenOf(`${jti}-next`), expiresAt: 2_000_000_000 }, 0, within),
          "renew",
        );
      }
      await one.issue(grantOf("t", "a", producerId));

      assert.equal((await one.prune(overMs, 2)).tokenCount, 1);
    });

    it("removes so much at a time and no more, and in the end all", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      for (let at = 0; at < 5; at += 1) await one.issue(grantOf(`t${at}`, "a", producerId));
      for (let at = 0; at < 3; at += 1) await one.revokeToken(`x${at}`);
      await one.deny("a", producerId);

      const counts: unknown[] = [];
      for (let at = 0; at < 5; at += 1) counts.push(Object.values(await one.prune(overMs, 2)));

      assert.deepEqual(counts, [
        [2, 2, 2],
        [2, 1, 2],
        [1, 0, 2],
        [0, 0, 0],
        [0, 0, 0],
      ]);
    });
  });
}
