/** What every directory promises: the one in a Postgres and the one in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  DIRECTORY_LIMITS,
  type Directory,
  type DirectoryLimits,
  KEYS_LISTED_MAX,
  type KeyFilter,
  type KeyRow,
} from "#actors/auth/directory/directory.ts";
import { must } from "#runtime/errors.ts";
import {
  atMs,
  grantOf,
  requestOf,
  reviewOf,
  Scene,
  smallLimits,
  tokenOf,
  within,
} from "#test/actors/auth/directory/scene.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOBODY = "00000000-0000-4000-8000-000000000000";

/** `open` makes an empty one. */
export function describeDirectory(half: string, open: (limits: DirectoryLimits) => Promise<Directory>): void {
  const scene = async (limits = DIRECTORY_LIMITS): Promise<Scene> => new Scene(await open(limits));
  const about = (operation: string, tests: () => void): void =>
    void describe(`directory (${half}): ${operation}`, tests);
  const listed = async ({ directory }: Scene, filter: KeyFilter, before?: number): Promise<readonly KeyRow[]> =>
    must(await directory.list(filter, 100, before, within), "list");
  const fingerprints = async (one: Scene, filter: KeyFilter): Promise<readonly string[]> =>
    (await listed(one, filter)).map(({ fingerprint }) => fingerprint);

  about("register", () => {
    it("makes a producer for a key that nobody knows, and both wait for a review (case 1)", async () => {
      const one = await scene();

      const a = await one.register("a", { hint: "binance", contact: "ops@example.com", meta: { region: "eu" } });
      const b = await one.register("b");

      assert(a.kind === "pending" && b.kind === "pending");
      assert.match(a.producerId, UUID_V4);
      assert.notEqual(a.producerId, b.producerId);
      const facts = { fingerprint: "a", producerId: a.producerId, status: "pending", isDisabled: false };
      assert.deepEqual(await one.keyOf("a"), facts);
      const said = { hint: "binance", contact: "ops@example.com", createdMs: atMs, number: 1, token: undefined };
      const alone = { type: "new_producer", supersedes: undefined, certificate: undefined };
      assert.deepEqual((await listed(one, "all")).at(-1), { ...facts, ...said, ...alone });
    });

    it("binds a further key to the producer that it names, where that has an approved one (case 2)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");

      assert.deepEqual(await one.register("b", { producerId }), { kind: "pending", producerId });

      assert.equal((await one.keyOf("a"))?.status, "approved");
      assert.deepEqual(await one.keyOf("b"), { fingerprint: "b", producerId, status: "pending", isDisabled: false });
    });

    it("denies a key whose producer is not there, or has no approved key (case 2), and keeps nothing of it", async () => {
      const one = await scene();
      const waiting = await one.pending("a");
      const thrownOut = await one.approved("b");
      await one.deny("b", thrownOut);
      const denied = { kind: "denied", producerId: undefined } as const;
      const upper = thrownOut.toUpperCase();

      for (const producerId of [NOBODY, upper, `{${thrownOut}}`, "", "binance", "\0", "'; --"]) {
        const answer = await one.register("c", { producerId, nonce: "n" });
        assert.deepEqual(answer, { ...denied, reason: "producer_not_found" }, producerId);
      }
      for (const producerId of [waiting, thrownOut]) {
        const answer = await one.register("c", { producerId, nonce: "n" });
        assert.deepEqual(answer, { ...denied, reason: "producer_not_approved" });
      }

      assert.equal(await one.keyOf("c"), undefined);
      assert.equal(await one.keyOf("text of c"), undefined);
      assert.equal((await one.register("c", { nonce: "n" })).kind, "pending");
    });

    it("tells an approved key its producer, whichever it names (case 3)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const other = await one.approved("b");
      const approved = { kind: "approved", producerId, wasDisabled: false };

      for (const named of [undefined, producerId, other, NOBODY, "binance"]) {
        assert.deepEqual(await one.register("a", { producerId: named }), approved);
      }
    });

    it("brings a producer back that had left (case 3)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.deregister("a");

      assert.deepEqual(await one.register("a"), { kind: "approved", producerId, wasDisabled: true });

      assert.equal((await one.keyOf("a"))?.isDisabled, false);
      assert.deepEqual(await one.register("a"), { kind: "approved", producerId, wasDisabled: false });
    });

    it("lets a key that waits wait on, and what it said first stands (case 4)", async () => {
      const one = await scene();
      const producerId = await one.pending("a", { hint: "first" });

      const again = await one.register("a", { hint: "second", producerId: NOBODY });

      assert.deepEqual(again, { kind: "still-pending", producerId });
      assert.deepEqual(
        (await listed(one, "all")).map(({ hint }) => hint),
        ["first"],
      );
    });

    it("denies a key that was revoked or superseded, and says whose it is (case 5)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.pending("b", { producerId });
      await one.approve("b", producerId);

      assert.deepEqual(await one.register("a"), { kind: "denied", producerId, reason: "superseded" });
      await one.deny("b", producerId);
      assert.deepEqual(await one.register("b"), { kind: "denied", producerId, reason: "revoked" });
    });

    it("takes as many producers that wait as it may, and keeps nothing of one more", async () => {
      const one = await scene();
      const known = await one.approved("known", { pendingMax: 1 });
      const a = await one.pending("a", { pendingMax: 2 });
      await one.pending("b", { pendingMax: 2 });

      assert.deepEqual(await one.register("c", { pendingMax: 2, nonce: "n" }), { kind: "full" });
      assert.equal(await one.keyOf("c"), undefined);
      assert.equal((await one.register("a", { pendingMax: 2 })).kind, "still-pending");
      assert.equal((await one.register("d", { pendingMax: 2, producerId: known })).kind, "pending");
      await one.deny("a", a);
      assert.equal((await one.register("c", { pendingMax: 2, nonce: "n" })).kind, "pending");
      assert.deepEqual(await one.register("e", { pendingMax: 2 }), { kind: "full" });
    });

    it("counts a producer that waits once, and also one whose only key was revoked meanwhile", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.pending("b", { producerId });
      await one.pending("c", { producerId });
      await one.deny("a", producerId);

      assert.equal((await one.register("d", { pendingMax: 1 })).kind, "full");
      assert.equal((await one.register("d", { pendingMax: 2 })).kind, "pending");
    });

    it("takes as many further keys of one producer as may wait, and keeps nothing of one more", async () => {
      const one = await scene(smallLimits);
      const producerId = await one.approved("a");
      const other = await one.approved("b");
      await one.pending("c", { producerId });
      await one.pending("d", { producerId });

      assert.deepEqual(await one.register("e", { producerId }), { kind: "full" });
      assert.equal(await one.keyOf("e"), undefined);
      assert.equal((await one.register("f", { producerId: other })).kind, "pending");
      await one.deny("c", producerId);
      assert.equal((await one.register("e", { producerId })).kind, "pending");
    });

    it("takes texts that no database takes, and shows them as far as they are legible", async () => {
      const one = await scene();
      const odd = "a\0b\ud800c\u{1f600}'\\\"";

      const answer = await one.register("a", { hint: odd, contact: odd, meta: { [odd]: odd, __proto__: odd } });

      assert.equal(answer.kind, "pending");
      const [row] = await listed(one, "all");
      assert.deepEqual([row?.hint, row?.contact], Array(2).fill("a\u{fffd}b\u{fffd}c\u{1f600}'\\\""));
      assert.equal(await one.keyOf(odd), undefined);
      await one.revokeToken(odd);
      assert.deepEqual(await one.tokens(odd), {});
    });
  });

  about("a request that was seen before", () => {
    it("is a replay, whatever it was for, and whatever it is for now", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.register("a", { nonce: "registered" });
      await one.issue(grantOf("t1", "a", producerId), requestOf("a", "exchange", "exchanged"));
      await one.spend("a", "spent");
      await one.deregister("a", "left");
      await one.issue(grantOf("t2", "a", producerId), requestOf("a", "exchange", "refused"));
      const replay = { kind: "replay" };

      for (const nonce of ["registered", "exchanged", "spent", "left", "refused"]) {
        assert.deepEqual(await one.register("a", { nonce }), replay, nonce);
        assert.deepEqual(await one.deregister("a", nonce), replay, nonce);
        assert.deepEqual(await one.spend("a", nonce), replay, nonce);
        assert.deepEqual(
          await one.issue(grantOf("t3", "a", producerId), requestOf("a", "exchange", nonce)),
          replay,
          nonce,
        );
      }

      assert.deepEqual(await one.tokens("t2", "t3"), {});
    });

    it("changes nothing: nobody comes back, leaves, or is told of a decision by it", async () => {
      const one = await scene();
      const producerId = await one.pending("a", { nonce: "first" });
      await one.register("a", { nonce: "second" });
      await one.register("a", { nonce: "first", textFingerprint: "another text" });
      const approved = await one.approve("a", producerId);
      await one.register("a", { nonce: "third" });
      await one.deregister("a");

      const changes = await one.changesBy(() => one.register("a", { nonce: "third" }));

      assert.deepEqual(approved, { kind: "approved", type: "new_producer", wasApproved: false, nonce: "second" });
      assert.equal(await one.keyOf("another text"), undefined);
      assert.equal((await one.keyOf("a"))?.isDisabled, true);
      assert.deepEqual(changes, []);
    });

    it("is one of its key: others may say the same", async () => {
      const one = await scene();
      await one.approved("a", { nonce: "n" });

      assert.equal((await one.register("b", { nonce: "n" })).kind, "pending");
    });

    it("is forgotten only of a key that is not approved, past as many as are kept", async () => {
      const one = await scene(smallLimits);
      const producerId = await one.pending("a", { nonce: "1" });
      for (const nonce of ["2", "3", "4"]) await one.register("a", { nonce });

      const kinds = async (): Promise<readonly string[]> =>
        (await Promise.all(["1", "2", "3"].map((nonce) => one.spend("a", nonce)))).map(({ kind }) => kind);

      assert.deepEqual(await kinds(), ["replay", "replay", "replay"]);
      assert.equal((await one.register("a", { nonce: "4" })).kind, "still-pending");
      const approved = await one.approve("a", producerId);
      assert(approved.kind === "approved");
      assert.equal(approved.nonce, "4");
      assert.equal((await one.register("a", { nonce: "5" })).kind, "approved");
      assert.equal((await one.register("a", { nonce: "5" })).kind, "replay");
      await one.deny("a", producerId);
      assert.deepEqual(await kinds(), ["replay", "replay", "replay"]);
      assert.equal((await one.register("a", { nonce: "5" })).kind, "replay");
    });
  });

  about("deregister", () => {
    it("takes the producer of an approved key away, however often", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const other = await one.approved("b");

      assert.deepEqual(await one.deregister("a"), { kind: "deregistered", producerId });
      assert.deepEqual(await one.deregister("a"), { kind: "deregistered", producerId });

      assert.equal((await one.keyOf("a"))?.isDisabled, true);
      assert.deepEqual(await one.keyOf("b"), {
        fingerprint: "b",
        producerId: other,
        status: "approved",
        isDisabled: false,
      });
    });

    it("is denied to every key that is not approved, also to one that has attached itself", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.pending("hostile", { producerId });
      await one.pending("next", { producerId });
      await one.pending("thrown out", { producerId });
      await one.deny("thrown out", producerId);
      await one.approve("next", producerId);

      assert.deepEqual(await one.deregister("hostile"), { kind: "denied", reason: "pending" });
      assert.deepEqual(await one.deregister("thrown out"), { kind: "denied", reason: "revoked" });
      assert.deepEqual(await one.deregister("a"), { kind: "denied", reason: "superseded" });
      assert.deepEqual(await one.deregister("nobody's"), { kind: "denied", reason: "unknown_key" });

      assert.equal((await one.keyOf("next"))?.isDisabled, false);
    });

    it("is undone by an approved key alone: by any other the way back is a review, and not even that is one", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.deregister("a");

      assert.deepEqual(await one.register("hostile", { producerId }), { kind: "pending", producerId });
      assert.deepEqual(await one.register("hostile"), { kind: "still-pending", producerId });
      assert.equal((await one.keyOf("a"))?.isDisabled, true);
      await one.approve("hostile", producerId);
      assert.equal((await one.keyOf("hostile"))?.isDisabled, true);
      assert.equal((await one.register("a")).kind, "denied");
      assert.equal((await one.keyOf("hostile"))?.isDisabled, true);
      assert.equal((await one.register("hostile")).kind, "approved");
      assert.equal((await one.keyOf("hostile"))?.isDisabled, false);
    });
  });

  about("keyOf", () => {
    it("finds a key by every line that it was registered with, up to as many as are kept", async () => {
      const one = await scene(smallLimits);
      await one.approved("a", { textFingerprint: "1" });
      for (const textFingerprint of ["2", "2", "3", "4"]) await one.register("a", { textFingerprint });
      const facts = await one.keyOf("a");

      const found = await Promise.all(["1", "2", "3", "4", "b"].map((name) => one.keyOf(name)));

      assert(facts !== undefined);
      assert.deepEqual(found, [facts, facts, facts, undefined, undefined]);
    });
  });

  about("spend", () => {
    it("says what the key is in that moment, and leaves it to the caller", async () => {
      const one = await scene();
      const producerId = await one.pending("a");
      const key = { fingerprint: "a", producerId, status: "pending", isDisabled: false };

      assert.deepEqual(await one.spend("a"), { kind: "spent", key, isRedelivery: false });
      await one.approve("a", producerId);
      await one.deregister("a");
      const left = { ...key, status: "approved", isDisabled: true };
      assert.deepEqual(await one.spend("a"), { kind: "spent", key: left, isRedelivery: false });
    });

    it("keeps nothing of a key that is not known", async () => {
      const one = await scene();

      assert.deepEqual(await one.spend("a", "n"), { kind: "unknown-key" });

      assert.equal((await one.register("a", { nonce: "n" })).kind, "pending");
    });
  });

  about("issue", () => {
    it("gives a token that counts, for a subject or for all", async () => {
      const one = await scene();
      const producerId = await one.approved("a");

      assert.deepEqual(await one.issue(grantOf("t1", "a", producerId)), { kind: "issued" });
      assert.deepEqual(await one.issue(grantOf("t2", "a", producerId, "s")), { kind: "issued" });

      const facts = { producerId, fingerprint: "a", isRevoked: false, isKeyApproved: true, isDisabled: false };
      assert.deepEqual(await one.tokens("t1", "t2", "t3"), {
        t1: { ...facts, subjectId: undefined },
        t2: { ...facts, subjectId: "s" },
      });
      assert.deepEqual(await one.tokens(), {});
    });

    it("refuses it to a key that is not approved, to another producer's, and to one that has left", async () => {
      const one = await scene();
      const waiting = await one.pending("waiting");
      const producerId = await one.approved("a");
      const other = await one.approved("b");
      await one.approved("c");
      const left = await one.approved("left");
      await one.deregister("left");
      await one.deny("b", other);
      const why = async (fingerprint: string, of: string): Promise<unknown> => {
        const answer = await one.issue(grantOf(`for ${fingerprint}`, fingerprint, of));
        return answer.kind === "refused" ? answer.reason : answer.kind;
      };

      assert.equal(await why("nobody's", producerId), "unknown_key");
      assert.equal(await why("waiting", waiting), "key_not_approved");
      assert.equal(await why("b", other), "key_not_approved");
      assert.equal(await why("c", producerId), "wrong_producer");
      assert.equal(await why("c", "no id"), "wrong_producer");
      assert.equal(await why("left", left), "producer_disabled");

      assert.deepEqual(await one.tokens("for waiting", "for b", "for c", "for left"), {});
    });

    it("gives one without a request of its own, by the same rules", async () => {
      const one = await scene();
      const producerId = await one.pending("a");
      const give = async (jti: string): Promise<unknown> =>
        must(await one.directory.issue(grantOf(jti, "a", producerId), undefined, within), "issue");

      assert.deepEqual(await give("t1"), { kind: "refused", reason: "key_not_approved" });
      await one.approve("a", producerId);
      assert.deepEqual(await give("t2"), { kind: "issued" });
      assert.deepEqual(await one.counting("t1", "t2"), ["t2"]);
    });

    it("takes a token of the same name, or one that another key asks for, for a defect", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("t1", "a", producerId));

      await assert.rejects(one.issue(grantOf("t1", "a", producerId)), { name: "Defect" });
      await assert.rejects(
        async () => one.issue(grantOf("t2", "a", producerId), requestOf("b", "exchange", "n")),
        /a token is for the key that asks for it/,
      );
    });
  });

  about("renew", () => {
    it("takes over what the token is for, and lets that one count on", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("t1", "a", producerId, "s"));

      const renewed = { kind: "renewed", producerId, subjectId: "s", fingerprint: "a" };
      assert.deepEqual(await one.renew("t1", "t2"), renewed);
      assert.deepEqual(await one.renew("t2", "t3"), renewed);

      const { t1, t3 } = await one.tokens("t1", "t3");
      assert.deepEqual(t1, t3);
      assert.deepEqual(await one.counting("t1", "t2", "t3"), ["t1", "t2", "t3"]);
    });

    it("is refused where the token is not known or was revoked, its key has ended, or its producer has left", async () => {
      const one = await scene();
      const a = await one.approved("a");
      const b = await one.approved("b");
      const c = await one.approved("c");
      await one.issue(grantOf("revoked", "a", a));
      await one.issue(grantOf("of b", "b", b));
      await one.issue(grantOf("of c", "c", c));
      await one.revokeToken("revoked");
      await one.pending("b2", { producerId: b });
      await one.approve("b2", b);
      await one.deregister("c");
      const why = async (jti: string): Promise<unknown> => {
        const answer = await one.renew(jti, "new");
        return answer.kind === "refused" ? answer.reason : answer.kind;
      };

      assert.equal(await why("nobody's"), "unknown_token");
      assert.equal(await why("revoked"), "token_revoked");
      assert.equal(await why("of b"), "key_not_approved");
      assert.equal(await why("of c"), "producer_disabled");
      await one.register("c");
      assert.equal(await why("of c"), "renewed");

      assert.deepEqual(Object.keys(await one.tokens("new")), ["new"]);
    });
  });

  about("the end of renewals", () => {
    it("is so long after the exchange, however often it was delivered and its tokens were renewed", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const { issuedAt } = tokenOf("t");
      const exchange = (jti: string, at: number) =>
        one.issue(
          { ...grantOf(jti, "a", producerId), issuedAt: at },
          requestOf("a", "exchange", "n", atMs, "fdc:token:exchange 1-0"),
        );
      await exchange("t1", issuedAt - 10);
      await exchange("t2", issuedAt);
      await one.renew("t2", "t3");

      for (const jti of ["t1", "t2", "t3"]) {
        assert.equal((await one.renew(jti, `${jti} in time`, issuedAt - 10)).kind, "renewed");
        const late = await one.renew(jti, "late", issuedAt - 9);
        assert.deepEqual(late, { kind: "refused", reason: "renewals_over" });
      }

      assert.deepEqual(await one.tokens("late"), {});
      assert.deepEqual(await one.counting("t1", "t2", "t3"), ["t1", "t2", "t3"]);
    });
  });

  about("approve", () => {
    it("approves the key of a new producer, and says where that waits", async () => {
      const one = await scene();
      const producerId = await one.pending("a", { nonce: "first" });
      await one.register("a", { nonce: "second" });
      await one.spend("a", "no registration");

      const approved = await one.approve("a", producerId);

      assert.deepEqual(approved, { kind: "approved", type: "new_producer", wasApproved: false, nonce: "second" });
      assert.equal((await one.keyOf("a"))?.status, "approved");
    });

    it("supersedes the key that the producer had, and its tokens count no longer", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const other = await one.approved("other");
      await one.issue(grantOf("t1", "a", producerId));
      await one.renew("t1", "t2");
      await one.issue(grantOf("t3", "other", other));
      await one.pending("b", { producerId, nonce: "of b" });

      const approved = await one.approve("b", producerId);

      assert.deepEqual(approved, { kind: "approved", type: "key_rotation", wasApproved: false, nonce: "of b" });
      assert.equal((await one.keyOf("a"))?.status, "superseded");
      const facts = { producerId, fingerprint: "a", subjectId: undefined, isDisabled: false };
      const ended = { ...facts, isRevoked: true, isKeyApproved: false };
      assert.deepEqual(await one.tokens("t1", "t2"), { t1: ended, t2: ended });
      await one.issue(grantOf("t4", "b", producerId));
      assert.deepEqual(await one.counting("t1", "t2", "t3", "t4"), ["t3", "t4"]);
    });

    it("takes one key after another, and the last one stands", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      for (const fingerprint of ["b", "c"]) await one.pending(fingerprint, { producerId });
      for (const fingerprint of ["b", "c"]) await one.approve(fingerprint, producerId);

      const keys = (await listed(one, "all")).map(({ fingerprint, status }) => [fingerprint, status]);

      assert.deepEqual(keys, [
        ["c", "approved"],
        ["b", "superseded"],
        ["a", "superseded"],
      ]);
    });

    it("approves no further key of a producer for whoever may not do that, and is fine with one that is approved", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.pending("b", { producerId });
      const review = { ...reviewOf("b", producerId), mayRotate: false };
      const ask = async () => must(await one.directory.approve(review, within), "approve");

      const refused = await ask();
      const status = (await one.keyOf("a"))?.status;
      const approved = await one.approve("b", producerId);

      assert.deepEqual([refused, status], [{ kind: "rotation" }, "approved"]);
      assert.deepEqual(await ask(), { ...approved, wasApproved: true });
    });

    it("approves nothing that is not there, is another's, or was decided about", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      const other = await one.approved("b");
      await one.pending("c", { producerId });
      await one.pending("d", { producerId });
      await one.deny("d", producerId);

      assert.deepEqual(await one.approve("nobody's", producerId), { kind: "not-found" });
      for (const id of [other, NOBODY, "no id"]) {
        assert.deepEqual(await one.approve("c", id), { kind: "wrong-producer" });
      }
      assert.deepEqual(await one.approve("d", producerId), { kind: "not-pending" });
      assert.equal((await one.keyOf("c"))?.status, "pending");
      await one.approve("c", producerId);
      assert.deepEqual(await one.approve("a", producerId), { kind: "not-pending" });
      assert.equal((await one.keyOf("a"))?.status, "superseded");
    });
  });

  about("a decision that is made again", () => {
    it("is answered as one that was made before, and changes nothing, where the key was approved", async () => {
      const one = await scene();
      const producerId = await one.pending("a", { nonce: "of a" });
      const first = await one.approve("a", producerId);
      const again: unknown[] = [];
      const changes = await one.changesBy(async () => void again.push(await one.approve("a", producerId)));
      await one.register("b", { producerId, nonce: "of b" });
      const rotated = await one.approve("b", producerId);
      await one.register("b", { nonce: "later" });
      again.push(await one.approve("b", producerId));

      const repeated = { ...rotated, wasApproved: true, nonce: "later" };
      assert.deepEqual(again, [{ ...first, wasApproved: true }, repeated]);
      assert.deepEqual([first.kind === "approved" && first.type, changes], ["new_producer", []]);
      assert.equal(rotated.kind === "approved" && rotated.type, "key_rotation");
      await one.deny("a", producerId);
      assert.deepEqual(await one.approve("b", producerId), repeated, "also where that was revoked");
    });

    it("is none where its contrary came between", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.deny("a", producerId);

      assert.deepEqual(await one.approve("a", producerId), { kind: "not-pending" });
      assert.equal((await one.keyOf("a"))?.status, "revoked");
    });
  });

  about("deny", () => {
    it("revokes the key, whatever it was, and says where its producer waits", async () => {
      const one = await scene();
      const producerId = await one.approved("a", { nonce: "of a" });
      await one.pending("b", { producerId, nonce: "of b" });
      await one.pending("c", { producerId, nonce: "of c" });
      await one.approve("b", producerId);

      for (const fingerprint of ["a", "b", "c", "c"]) {
        const denied = await one.deny(fingerprint, producerId);
        assert.deepEqual(denied, { kind: "denied", nonce: `of ${fingerprint}` });
        assert.equal((await one.keyOf(fingerprint))?.status, "revoked");
      }
    });

    it("ends the tokens of the key, and those alone", async () => {
      const one = await scene();
      const a = await one.approved("a");
      const b = await one.approved("b");
      await one.issue(grantOf("t1", "a", a));
      await one.renew("t1", "t2");
      await one.issue(grantOf("t3", "b", b));

      await one.deny("a", a);

      assert.deepEqual(await one.counting("t1", "t2", "t3"), ["t3"]);
    });

    it("denies nothing that is not there, or is another's", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.approved("b");

      assert.deepEqual(await one.deny("nobody's", producerId), { kind: "not-found" });
      assert.deepEqual(await one.deny("b", producerId), { kind: "wrong-producer" });
      assert.deepEqual(await one.deny("b", "no id"), { kind: "wrong-producer" });

      assert.equal((await one.keyOf("b"))?.status, "approved");
    });
  });

  about("hasProducer", () => {
    it("knows each that ever came, and no other", async () => {
      const one = await scene();
      const [waiting, approved] = [await one.pending("a"), await one.approved("b")];
      await one.deny("b", approved);
      const has = async (id: string) => must(await one.directory.hasProducer(id, within), "hasProducer");

      assert.deepEqual([await has(waiting), await has(approved), await has(NOBODY)], [true, true, false]);
    });
  });

  about("revokeToken", () => {
    it("ends a token with all that came of the same exchange, and nothing else", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("t1", "a", producerId));
      await one.renew("t1", "t2");
      await one.renew("t1", "t3");
      await one.renew("t3", "t4");
      await one.issue(grantOf("u1", "a", producerId));
      await one.renew("u1", "u2");

      await one.revokeToken("t3");

      assert.deepEqual(await one.counting("t1", "t2", "t3", "t4", "u1", "u2"), ["u1", "u2"]);
      for (const jti of ["t1", "t2", "t3", "t4"]) {
        assert.deepEqual(await one.renew(jti, "t5"), { kind: "refused", reason: "token_revoked" });
      }
    });

    it("knows no token of a name that is not known, unless one was shown or denied before (AUTH-26)", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("t1", "a", producerId));
      const changes = await one.changesBy(async () => {
        assert.equal(await one.revokeToken("unknown", false), false);
      });

      const known = [await one.revokeToken("t1", false), await one.revokeToken("t1", false)];
      const shown = [await one.revokeToken("shown", true), await one.revokeToken("shown", false)];
      await one.issue(grantOf("unknown", "a", producerId));

      assert.deepEqual([changes, known, shown], [[], [true, true], [true, true]]);
      assert.deepEqual(await one.counting("t1", "unknown"), ["unknown"]);
    });

    it("also ends one that nobody knows yet", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.revokeToken("t1");
      await one.revokeToken("t3");

      await one.issue(grantOf("t1", "a", producerId));
      await one.issue(grantOf("t2", "a", producerId));
      await one.renew("t2", "t3");

      assert.deepEqual(await one.counting("t1", "t2", "t3"), ["t2"]);
      assert.deepEqual(await one.renew("t1", "t4"), { kind: "refused", reason: "token_revoked" });
      assert.deepEqual(await one.renew("t3", "t4"), { kind: "refused", reason: "token_revoked" });
    });
  });

  about("list", () => {
    it("shows the keys of a filter, the newest first, with the token that was given last", async () => {
      const one = await scene();
      const a = await one.approved("a");
      await one.pending("b", { producerId: a });
      await one.approve("b", a);
      const c = await one.pending("c");
      await one.approved("d");
      await one.deregister("d");
      const e = await one.approved("e");
      await one.deny("e", e);
      await one.issue(grantOf("t1", "b", a));
      await one.issue(grantOf("t2", "b", a));

      assert.deepEqual(await fingerprints(one, "all"), ["e", "d", "c", "b", "a"]);
      assert.deepEqual(await fingerprints(one, "pending"), ["c"]);
      assert.deepEqual(await fingerprints(one, "active"), ["b"]);
      assert.deepEqual(await fingerprints(one, "registered"), ["d", "b", "a"]);
      const further = { type: "key_rotation", supersedes: undefined, certificate: undefined };
      const said = { hint: undefined, contact: undefined, createdMs: atMs, ...further };
      assert.deepEqual(await listed(one, "active"), [
        {
          ...{ fingerprint: "b", producerId: a, status: "approved", isDisabled: false, number: 2, ...said },
          token: { jti: "t2", expiresAt: 1_760_003_600, isRevoked: false },
        },
      ]);
      assert.deepEqual((await listed(one, "pending"))[0]?.producerId, c);
    });

    it("shows of a token whether it was revoked: by name, with another, or with its key", async () => {
      const one = await scene();
      const producers = new Map<string, string>();
      for (const fingerprint of ["a", "b", "c", "d"]) {
        const producerId = await one.approved(fingerprint);
        producers.set(fingerprint, producerId);
        await one.issue(grantOf(`of ${fingerprint}`, fingerprint, producerId));
      }
      await one.renew("of b", "new of b");
      await one.revokeToken("of a");
      await one.revokeToken("of b");
      await one.deny("c", producers.get("c") ?? "");

      const shown = (await listed(one, "all")).map(({ token }) => [token?.jti, token?.isRevoked]);

      assert.deepEqual(shown, [
        ["of d", false],
        ["of c", true],
        ["new of b", true],
        ["of a", true],
      ]);
    });

    it("tells a further key of a producer from the first one of another, and by whom each is vouched for", async () => {
      const one = await scene();
      const producerId = await one.approved("a", { hint: "binance" });
      const certificate = { keyId: "ops \0", principal: "fdc-producer" };
      await one.pending("b", { producerId, hint: "another" });
      await one.pending("c", { hint: "binance", certificate });
      const shown = async (filter: KeyFilter) =>
        (await listed(one, filter)).map(({ fingerprint, hint, type, supersedes, certificate: of }) => {
          return [fingerprint, hint, type, supersedes, of?.keyId];
        });

      const before = await shown("pending");
      await one.register("b", { certificate });
      await one.register("b");
      await one.deny("a", producerId);
      const after = await shown("all");
      await one.approve("b", producerId);

      assert.deepEqual(before, [
        ["c", "binance", "new_producer", undefined, "ops \ufffd"],
        ["b", "binance", "key_rotation", "a", undefined],
      ]);
      assert.deepEqual(after, [
        ["c", "binance", "new_producer", undefined, "ops \ufffd"],
        ["b", "binance", "key_rotation", undefined, "ops \ufffd"],
        ["a", "binance", "new_producer", undefined, undefined],
      ]);
      assert.deepEqual((await shown("active"))[0], ["b", "binance", "key_rotation", undefined, "ops \ufffd"]);
    });

    it("goes on behind the last one that was shown, also where many came in one millisecond", async () => {
      const one = await scene();
      for (const fingerprint of ["a", "b", "c", "d", "e"]) await one.pending(fingerprint);
      const shown: string[] = [];
      let before: number | undefined;

      for (let page = 0; page < 3; page += 1) {
        const rows = must(await one.directory.list("pending", 2, before, within), "a page");
        shown.push(...rows.map(({ fingerprint }) => fingerprint));
        before = rows.at(-1)?.number;
        // What comes meanwhile is newer.
        await one.pending(`new ${page}`);
      }

      assert.deepEqual(shown, ["e", "d", "c", "b", "a"]);
      assert.deepEqual(await listed(one, "all", 1), []);
    });

    it("has pages of a length", async () => {
      const { directory } = await scene();
      const ask = async (limit: number): Promise<unknown> =>
        must(await directory.list("all", limit, undefined, within), "");

      assert.deepEqual(await ask(1), []);
      assert.deepEqual(await ask(KEYS_LISTED_MAX), []);
      for (const limit of [0, 1.5, KEYS_LISTED_MAX + 1]) await assert.rejects(ask(limit), { name: "Defect" });
    });
  });

  about("changesSince", () => {
    it("tells of everything by which something counts no longer, or counts again", async () => {
      const one = await scene();
      const producerId = await one.pending("a");
      await one.pending("b", { producerId: await one.approved("other") });
      const key = (id: string) => ({ kind: "key", id });

      assert.deepEqual(await one.changesBy(() => one.approve("a", producerId)), [key("a")]);
      await one.issue(grantOf("t1", "a", producerId));
      await one.renew("t1", "t2");
      assert.deepEqual(await one.changesBy(() => one.revokeToken("t2")), [key("a")]);
      assert.deepEqual(await one.changesBy(() => one.revokeToken("x")), [{ kind: "token", id: "x" }]);
      const left = { kind: "producer", id: producerId };
      assert.deepEqual(await one.changesBy(() => one.deregister("a")), [left]);
      assert.deepEqual(await one.changesBy(() => one.register("a")), [left]);
      await one.pending("a2", { producerId });
      assert.deepEqual(await one.changesBy(() => one.approve("a2", producerId)), [key("a2"), key("a")]);
      assert.deepEqual(await one.changesBy(() => one.deny("a2", producerId)), [key("a2")]);
      assert.deepEqual(await one.changesBy(() => one.deny("a", producerId)), [key("a")]);
    });

    it("tells of nothing else", async () => {
      const one = await scene();
      const producerId = await one.approved("a");
      await one.issue(grantOf("t1", "a", producerId));
      await one.revokeToken("t1");
      await one.revokeToken("x");
      await one.approved("left");
      await one.deregister("left");
      const thrownOut = await one.approved("thrown out");
      await one.deny("thrown out", thrownOut);

      const changes = await one.changesBy(async () => {
        await one.register("a");
        await one.register("b");
        await one.register("thrown out");
        await one.deregister("left");
        await one.deregister("b");
        await one.spend("a");
        await one.issue(grantOf("t2", "a", producerId));
        await one.renew("t2", "t3");
        await one.revokeToken("t1");
        await one.revokeToken("x");
        await one.approve("a", producerId);
        await one.deny("thrown out", thrownOut);
        await one.deny("thrown out", producerId);
      });

      assert.deepEqual(changes, []);
    });

    it("numbers them from 1, and tells of those behind the one that is named", async () => {
      const one = await scene();
      const { directory } = one;
      for (const id of ["x", "y", "z"]) await one.revokeToken(id);
      const changes = ["x", "y", "z"].map((id) => ({ kind: "token", id }));

      assert.equal(must(await directory.lastChange(within), "last"), 3);
      for (const since of [0, 1, 2, 3]) {
        const answer = must(await directory.changesSince(since, within), "since");
        assert.deepEqual(answer, { last: 3, changes: changes.slice(since) });
      }
    });

    it("says so where what is asked for is kept no longer, or never was", async () => {
      const one = await scene(smallLimits);
      const { directory } = one;
      assert.deepEqual(must(await directory.changesSince(0, within), "before the first"), { last: 0, changes: [] });
      const forgotten = (oldest: number, last: number) => ({
        ok: false,
        failure: { code: "auth.changes-forgotten", oldest, last },
      });
      assert.deepEqual(await directory.changesSince(1, within), forgotten(1, 0));
      for (const id of ["1", "2", "3", "4", "5"]) await one.revokeToken(id);

      const kept = must(await directory.changesSince(2, within), "the last three");

      assert.deepEqual(kept, { last: 5, changes: ["3", "4", "5"].map((id) => ({ kind: "token", id })) });
      assert.deepEqual(await directory.changesSince(1, within), forgotten(3, 5));
      assert.deepEqual(await directory.changesSince(6, within), forgotten(3, 5));
      assert.equal(await one.lastChange(), 5);
    });
  });

  about("open", () => {
    it("may be asked again: what is there stays", async () => {
      const one = await scene();
      await one.pending("a");

      must(await one.directory.open(within), "open");

      assert.equal((await one.keyOf("a"))?.status, "pending");
      assert.equal((await one.directory.deny(reviewOf("a", NOBODY), within)).ok, true);
    });
  });
}
