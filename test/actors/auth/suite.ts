/** What auth promises through its streams and its protocol, whatever its directory is. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import type { Directory } from "#actors/auth/directory/directory.ts";
import type { SubjectVerdict } from "#actors/auth/protocol.ts";
import { openSigningKey } from "#actors/auth/signing-key.ts";
import { JSON_BYTES_MAX } from "#actors/domain/canonical-json.ts";
import { ANSWER_UNVERIFIED_BURST_MAX, ANSWERS_MAX } from "#actors/domain/streams/answers.ts";
import type { Claims } from "#actors/domain/tokens/claims.ts";
import { signToken } from "#actors/domain/tokens/token.ts";
import { must } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import {
  type Fields,
  newAuthority,
  newNonce,
  newProducer,
  PRINCIPAL,
  type Producer,
} from "#test/actors/auth/producer.ts";
import { asked, KEY_PATH, type StartedAuth, startAuth } from "#test/actors/auth/start-auth.ts";

const REGISTER = "fdc:register";
const SUBJECT = "fdc:subject:register";
const NOBODY = "00000000-0000-4000-8000-000000000000";

/** Of one subject. */
const SID = "0190f3c0-0000-7000-8000-000000000001";
/** Names of tokens that no directory knows. */
const UNKNOWN = {
  named: "01K76AVR00000000000000000A",
  signed: "01K76AVR00000000000000000B",
  over: "01K76AVR00000000000000000C",
};
const leave = { action: "deregister" };

type Options = NonNullable<Parameters<typeof startAuth>[0]>;

/** Without `isWhole` only what depends on the directory. */
export function describeAuth(
  half: string,
  open: () => Promise<Directory>,
  { isWhole = true, ...given }: Options & { readonly isWhole?: boolean } = {},
): void {
  const itToo = (name: string, run: () => Promise<void>): void => void (isWhole && it(name, run));
  const authority = newAuthority();
  const start = async (options: Options = {}): Promise<StartedAuth> =>
    startAuth({ directory: await open(), authority: await authority, ...given, ...options });
  const about = (what: string, tests: () => void): void => void describe(`auth (${half}): ${what}`, tests);
  const judge = async (
    auth: StartedAuth,
    producer: Producer,
    entry = "1-0",
    nonce?: string,
    wanted: Readonly<Record<string, string>> = { op: "register", subject_key: "a" },
  ): Promise<SubjectVerdict> => {
    const {
      pubkey = "",
      payload = "",
      nonce: once = "",
      sig = "",
    } = await producer.sign(wanted, nonce === undefined ? {} : { nonce });
    const fields = { pubkey, payload: Buffer.from(payload), nonce: once, sig };
    return must(
      await auth.until(auth.ref.call("judgeSubject", { entry: `${SUBJECT} ${entry}`, fields }, asked)),
      "verdict",
    );
  };

  about("registration", () => {
    it("answers as seed 004 has it, case by case (AUTH-1, AUTH-2)", async () => {
      const auth = await start();
      const [a, b] = [await newProducer(auth.authority), await newProducer(auth.authority)];
      const { fingerprint } = a;

      const [first] = await auth.register(await a.sign({ producer_hint: "binance", meta: { region: "eu" } }));
      const producer_id = first?.["producer_id"] ?? "";
      assert.match(producer_id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(first, { fingerprint, producer_id, status: "pending" });
      const waiting = await a.sign({});
      assert.deepEqual(await auth.register(waiting), []);
      assert.deepEqual(await auth.register(await b.sign({ producer_id })), [
        { fingerprint: b.fingerprint, status: "denied", reason: "producer_not_approved" },
      ]);
      assert.deepEqual(await auth.review("approve", a, producer_id), {
        kind: "approved",
        type: "new_producer",
        wasApproved: false,
        isTold: true,
      });
      assert.deepEqual(await auth.answers(`fdc:register:resp:${waiting["nonce"]}`), [
        { fingerprint, producer_id, status: "approved" },
      ]);
      assert.deepEqual(await auth.register(await a.sign({})), [{ fingerprint, producer_id, status: "approved" }]);
      assert.deepEqual(await auth.register(await b.sign({ producer_id: NOBODY })), [
        { fingerprint: b.fingerprint, status: "denied", reason: "producer_not_found" },
      ]);
      assert.deepEqual(await auth.register(await b.sign({ producer_id })), [
        { fingerprint: b.fingerprint, producer_id, status: "pending" },
      ]);
      assert.deepEqual(await auth.review("approve", b, producer_id), {
        kind: "approved",
        type: "key_rotation",
        wasApproved: false,
        isTold: true,
      });
      auth.jump(20_000);
      assert.deepEqual(await auth.register(await a.sign({})), [
        { fingerprint, producer_id, status: "denied", reason: "superseded" },
      ]);
      await auth.review("deny", b, producer_id);
      assert.deepEqual(await auth.register(await b.sign({})), [
        { fingerprint: b.fingerprint, producer_id, status: "denied", reason: "revoked" },
      ]);
    });

    itToo("does without a certificate, but not with a bad one, and says what is wrong (AUTH-13, AUTH-16)", async () => {
      const auth = await start();
      const a = await newProducer(auth.authority);
      const stranger = await newProducer(await newAuthority());
      const signed = await a.sign({});
      const told = async (fields: typeof signed) =>
        (await auth.register(fields)).map(({ status, reason }) => [status, reason]);

      assert.deepEqual(await told(await a.sign({}, { pubkey: a.keyLine })), [["pending", undefined]]);
      const [wrong] = await auth.register(await stranger.sign({}));
      assert.deepEqual(wrong, {
        status: "invalid_cert",
        reason: "certificate_verification_failed",
        detail: "unknown-authority",
      });
      assert.deepEqual(await told({ ...signed, payload: '{"a":1}' }), [
        ["invalid_sig", "signature_verification_failed"],
      ]);
      const bad = { ...(await a.sign({})), pubkey: "ssh-rsa AAAA" };
      assert.deepEqual(await told(bad), [["bad_pubkey", "unknown-type"]]);
      const long = { ...(await a.sign({})), payload: " ".repeat(20_000) };
      assert.deepEqual(await told(long), [["invalid_payload", "too-long"]]);
      assert.deepEqual(await told({ ...long, nonce: "a b" }), []);
      assert.deepEqual(await told(await a.sign({ meta: { a: 1 } })), [["invalid_payload", "bad-member"]]);
      assert.deepEqual(await told(await a.sign({}, { nonce: "short" })), []);
    });

    it("ends when an approved key says so, and begins again when one does (AUTH-3)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const token = await auth.token(producer, producerId);
      const { fingerprint } = producer;

      const left = await auth.register({ action: "deregister", ...(await producer.sign(leave)) });

      assert.deepEqual(left, [{ fingerprint, producer_id: producerId, status: "deregistered" }]);
      const refused = { kind: "refused", reason: "producer_disabled", problem: "producer_disabled" };
      await auth.pass(1000);
      assert.deepEqual(await auth.admit(token), [refused]);
      const denied = await auth.exchange(producerId, await producer.sign({ producer_id: producerId }));
      assert.deepEqual([denied?.["status"], denied?.["reason"]], ["denied", "producer_disabled"]);
      const subject = await judge(auth, producer);
      assert.deepEqual([subject.kind, subject.kind === "refused" && subject.reason], ["refused", "producer_disabled"]);
      await auth.register(await producer.sign({ producer_hint: "back" }));
      await auth.pass(1000);
      assert.deepEqual(await auth.admit(token), [{ kind: "admitted", producerId, subjectId: undefined }]);
    });

    it("lets a key that waits do nothing for the producer that it has attached itself to (AUTH-3, AUTH-15)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const hostile = await newProducer(auth.authority);
      const [pending] = await auth.register(await hostile.sign({ producer_id: producerId }));
      assert.equal(pending?.["status"], "pending");

      const left = await auth.register({ action: "deregister", ...(await hostile.sign(leave)) });
      const { fingerprint } = hostile;
      assert.deepEqual(left, [{ fingerprint, status: "denied", reason: "key_not_approved" }]);
      assert.equal(await auth.exchange(producerId, await hostile.sign({ producer_id: producerId })), undefined);
      const subject = await judge(auth, hostile);
      assert.deepEqual(subject, {
        kind: "refused",
        reason: "key_not_approved",
        problem: "pending",
        producerId: undefined,
        status: "pending",
      });
      await auth.register({ action: "deregister", ...(await producer.sign(leave)) });
      assert.deepEqual(await auth.register(await hostile.sign({ producer_hint: "back" })), []);
      const keys = must(await auth.until(auth.ref.call("listKeys", { filter: "all", limit: 10 }, asked)), "keys");
      assert.deepEqual(
        keys.map(({ status, isDisabled }) => [status, isDisabled]),
        [
          ["pending", true],
          ["approved", true],
        ],
      );
    });

    itToo("is refused past as many producers as may wait, and leaves nothing (AUTH-14, AUTH-17)", async () => {
      const auth = await start({ config: { pendingMax: 1 } });
      const [a, b] = [await newProducer(auth.authority), await newProducer(auth.authority)];
      const [pending] = await auth.register(await a.sign({}));
      const request = await b.sign({});

      const told = await auth.register(request);

      const full = { fingerprint: b.fingerprint, status: "rate_limited", reason: "too_many_pending" };
      assert.deepEqual(told, [full]);
      assert.equal(await auth.ask("EXISTS", `auth:nonce:${b.fingerprint}:${request["nonce"]}`), 0);
      await auth.review("deny", a, pending?.["producer_id"] ?? "");
      assert.equal((await auth.register(request)).at(-1)?.["status"], "pending");
    });
  });

  about("requests", () => {
    it("count once, whatever they are sent for, and whatever Redis has lost (AUTH-4)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const nonce = newNonce();
      const register = await producer.sign({ producer_hint: "a" }, { nonce });
      await auth.register(register);

      for (const isLost of [false, true]) {
        if (isLost) {
          auth.server.lose();
          await auth.started.crash();
          await auth.until(
            auth.redis.ready({ deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal }),
          );
        }
        const before = isLost
          ? []
          : [{ fingerprint: producer.fingerprint, producer_id: producerId, status: "approved" }];
        const replay = { fingerprint: producer.fingerprint, status: "replay", reason: "duplicate_nonce" };
        assert.deepEqual(await auth.register(register), [...before, replay]);
        const left = await auth.register({ action: "deregister", ...(await producer.sign(leave, { nonce })) });
        assert.deepEqual(left.at(-1), replay);
        const exchange = await producer.sign({ producer_id: producerId }, { nonce });
        assert.equal(await auth.exchange(producerId, exchange), undefined);
        const subject = await judge(auth, producer, "1-0", nonce);
        const refused = { kind: "refused", reason: "replay", problem: "replay", producerId: undefined };
        assert.deepEqual(subject, refused);
      }
      const keys = must(await auth.until(auth.ref.call("listKeys", { filter: "active", limit: 10 }, asked)), "keys");
      assert.deepEqual(
        keys.map(({ token }) => token),
        [undefined],
      );
    });

    itToo("are acted on for what they were signed for, and nothing else (AUTH-6)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const payloads = {
        register: { producer_hint: "a" },
        deregister: leave,
        exchange: { producer_id: producerId },
        subject: { op: "register", subject_key: "a" },
      };
      const attempts = {
        register: async (payload: Readonly<Record<string, string>>) =>
          (await auth.register(await producer.sign(payload))).at(-1)?.["status"],
        deregister: async (payload: Readonly<Record<string, string>>) =>
          (await auth.register({ action: "deregister", ...(await producer.sign(payload)) })).at(-1)?.["status"],
        exchange: async (payload: Readonly<Record<string, string>>) => {
          const told = await auth.exchange(producerId, await producer.sign(payload));
          return told?.["token"] === undefined ? told?.["reason"] : "issued";
        },
      };

      const came: Record<string, string> = {};
      for (const [signedFor, payload] of Object.entries(payloads)) {
        for (const [sentFor, attempt] of Object.entries(attempts)) {
          if (signedFor !== sentFor) came[`${signedFor} as ${sentFor}`] = (await attempt(payload)) ?? "nothing";
          auth.jump(6000);
        }
      }

      assert.deepEqual(came, {
        "register as deregister": "invalid_payload",
        "register as exchange": "invalid_payload",
        "deregister as register": "invalid_payload",
        "deregister as exchange": "invalid_payload",
        "exchange as register": "denied",
        "exchange as deregister": "invalid_payload",
        "subject as register": "invalid_payload",
        "subject as deregister": "invalid_payload",
        "subject as exchange": "invalid_payload",
      });
    });

    itToo(
      "are answered while there are not too many of nobody, each by the last answers (AUTH-13, AUTH-18)",
      async () => {
        const auth = await start();
        const { producer } = await auth.approved();
        const request = await producer.sign({ producer_hint: "a" });
        const lengthOf = async (nonce = ""): Promise<unknown> => auth.ask("XLEN", `fdc:register:resp:${nonce}`);
        await auth.register(request);

        await auth.sent(REGISTER, ...Array(80).fill(request));

        assert.equal(await lengthOf(request["nonce"]), ANSWERS_MAX);
        const forged = await Promise.all(
          Array.from({ length: 120 }, async (): Promise<Fields> => ({ ...(await producer.sign({})), payload: "[]" })),
        );
        await auth.sent(REGISTER, ...forged);
        const lengths = await Promise.all(forged.map(({ nonce }) => lengthOf(nonce)));
        const answeredCount = lengths.filter((length) => length === 1).length;
        // As many as may be at once, but for those that were told of a replay; and a few more, because time has passed.
        assert(answeredCount >= ANSWER_UNVERIFIED_BURST_MAX - 80 && answeredCount < 120, `${answeredCount}`);
      },
    );

    itToo("are not made more often than they may be, by one key, for one operation (AUTH-14)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      auth.jump(20_000);
      const statuses = async (): Promise<readonly (string | undefined)[]> => {
        const requests = await Promise.all([1, 2, 3, 4].map(() => producer.sign({ producer_hint: "a" })));
        await auth.sent(REGISTER, ...requests);
        return Promise.all(
          requests.map(async ({ nonce }) => (await auth.answers(`fdc:register:resp:${nonce}`)).at(-1)?.["status"]),
        );
      };

      assert.deepEqual(await statuses(), ["approved", "approved", "approved", "rate_limited"]);
      assert.equal(typeof (await auth.token(producer, producerId)), "string");
      auth.jump(20_000);
      assert.deepEqual(await statuses(), ["approved", "approved", "approved", "rate_limited"]);
    });
  });

  about("tokens", () => {
    itToo("are for one subject, where one is named, and say what they are (AUTH-7)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();

      const told = await auth.exchange(
        producerId,
        await producer.sign({ producer_id: producerId, subject_id: SID }, { nonce: "a-nonce-that-is-one" }),
      );

      const { token = "", exp = "", ...rest } = told ?? {};
      assert.deepEqual(rest, {
        fingerprint: producer.fingerprint,
        producer_id: producerId,
        nonce: "a-nonce-that-is-one",
      });
      assert.deepEqual(await auth.admit(token), [{ kind: "admitted", producerId, subjectId: SID }]);
      const [, claims = ""] = token.split(".");
      const { iss, aud, sub, sid, iat, nbf, exp: until, fp } = JSON.parse(Buffer.from(claims, "base64url").toString());
      assert.deepEqual(
        { iss, aud, sub, sid, fp },
        { iss: "cepa", aud: "fdc", sub: producerId, sid: SID, fp: producer.fingerprint },
      );
      assert.deepEqual([nbf - iat, until - iat, exp], [-60, 3600, new Date(until * 1000).toISOString()]);
    });

    itToo(
      "are not given for a key that is not certified, is not approved, or is another producer's (AUTH-7, AUTH-15)",
      async () => {
        const auth = await start();
        const { producer, producerId } = await auth.approved();
        const other = await auth.approved();
        const unknown = await newProducer(auth.authority);
        const wanted = { producer_id: producerId };

        const bare = await auth.exchange(producerId, await producer.sign(wanted, { pubkey: producer.keyLine }));
        assert.equal(bare?.["reason"], "invalid_cert");
        assert.equal(await auth.exchange(producerId, await unknown.sign(wanted)), undefined);
        assert.equal(await auth.exchange(producerId, await other.producer.sign(wanted)), undefined);
        const told = await auth.answers(`fdc:token:resp:${other.producerId}`);
        assert.deepEqual(told.at(-1)?.["reason"], "wrong_producer");
        await auth.review("deny", producer, producerId);
        assert.equal(await auth.exchange(producerId, await producer.sign(wanted)), undefined);
      },
    );

    it("are renewed for as long as they count, with what they are for (AUTH-7)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const first = await auth.token(producer, producerId, { subject_id: SID });

      const renewed = await auth.exchange(producerId, { token: first });

      const second = renewed?.["token"] ?? "";
      assert.notEqual(second, first);
      assert.deepEqual(
        await auth.admit(first, second),
        Array(2).fill({ kind: "admitted", producerId, subjectId: SID }),
      );
      auth.jump(20_000);
      const revoke = {
        what: { kind: "token", jti: claimsOf(second).jti },
        reason: "lost",
        reviewer: "fdc-admin",
      } as const;
      must(await auth.until(auth.ref.call("revoke", revoke, asked)), "revoke");
      const denied = await auth.exchange(producerId, { token: first });
      assert.deepEqual([denied?.["status"], denied?.["reason"]], ["denied", "token_revoked"]);
      assert.equal(await auth.exchange(producerId, { token: `${first}x` }), undefined);
      await auth.pass(1000);
      const refused = { kind: "refused", reason: "unauthenticated", problem: "token_revoked" };
      assert.deepEqual(await auth.admit(first, second), [refused, refused]);
    });

    itToo("are renewed until so long after their exchange, and then given for the key again (AUTH-7)", async () => {
      const auth = await start({ config: { renewalsMs: 2 * 60 * 60_000 } });
      const { producer, producerId } = await auth.approved();
      let token = await auth.token(producer, producerId);
      const came: unknown[] = [];

      for (let at = 0; at < 4; at += 1) {
        auth.jump(40 * 60_000 - 1000);
        const told = await auth.exchange(producerId, { token });
        came.push(told?.["reason"] ?? "issued");
        token = told?.["token"] ?? token;
      }

      assert.deepEqual(came, ["issued", "issued", "issued", "renewals_over"]);
      assert.equal((await auth.admit(await auth.token(producer, producerId)))[0]?.kind, "admitted");
    });

    itToo("are renewed no more often than others are given, and once by one nonce (AUTH-4, AUTH-14)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const token = await auth.token(producer, producerId);
      const nonce = newNonce();

      const came: (string | undefined)[] = [];
      for (const fields of [{ token, nonce }, { token, nonce }, { token }, { token }, { token }]) {
        const told = await auth.exchange(producerId, fields);
        came.push(told === undefined ? undefined : (told["status"] ?? "issued"));
      }

      assert.deepEqual(came, ["issued", undefined, "issued", "issued", "rate_limited"]);
    });

    it("are over when their key is superseded, or their time is (AUTH-2, AUTH-9)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const next = await newProducer(auth.authority);
      const token = await auth.token(producer, producerId);
      await auth.register(await next.sign({ producer_id: producerId }));
      assert.equal((await auth.admit(token))[0]?.kind, "admitted");

      await auth.review("approve", next, producerId);
      await auth.pass(1000);

      const refused = { kind: "refused", reason: "unauthenticated", problem: "token_revoked" };
      assert.deepEqual(await auth.admit(token), [refused]);
      const another = await auth.token(next, producerId);
      assert.equal((await auth.admit(another))[0]?.kind, "admitted");
      auth.jump(61 * 60_000 + 1000);
      assert.deepEqual(await auth.admit(another), [
        { ...refused, problem: "token_expired", was: { producerId, subjectId: undefined } },
      ]);
    });

    itToo("are admitted in the order asked, each by itself (AUTH-8)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const token = await auth.token(producer, producerId);
      const [header, claims, signature = ""] = token.split(".");
      const forged = `${header}.${claims}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;

      const admissions = await auth.admit("", token, "x", forged, token);

      const refused = (problem: string) => ({ kind: "refused", reason: "unauthenticated", problem });
      const admitted = { kind: "admitted", producerId, subjectId: undefined };
      assert.deepEqual(admissions, [
        refused("auth_required"),
        admitted,
        refused("bad_token_format"),
        refused("bad_signature"),
        admitted,
      ]);
      assert.deepEqual(await auth.admit(), []);
    });
  });

  about("a key that is approved, without a good certificate", () => {
    itToo("is told so by the exchange, at its rate, and its nonce is free again (AUTH-13, AUTH-15)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const wanted = { producer_id: producerId };
      const plain = (nonce?: string) => producer.sign(wanted, { ...(nonce && { nonce }), pubkey: producer.keyLine });
      const nonce = newNonce();
      const { fingerprint } = producer;

      const bare = await auth.exchange(producerId, await plain(nonce));
      const certified = await auth.exchange(producerId, await producer.sign(wanted, { nonce }));
      const after = await auth.exchange(producerId, await plain(nonce));
      await auth.exchange(producerId, await plain());
      const often = await auth.exchange(producerId, await plain());

      const denied = { fingerprint, producer_id: producerId, status: "denied", reason: "invalid_cert" };
      assert.deepEqual(bare, { ...denied, detail: "no-certificate", nonce });
      assert.notEqual(certified?.["token"], undefined);
      assert.equal(after, undefined, "a replay is not answered");
      assert.deepEqual([often?.["status"], often?.["reason"]], ["rate_limited", "rate_limited"]);
    });

    itToo("is told by nobody else's word, and no other key is (AUTH-15, AUTH-17)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const stranger = await newProducer(auth.authority);
      const wanted = { producer_id: producerId };
      const plain = await producer.sign(wanted, { pubkey: producer.keyLine });
      const { sig: other = "" } = await producer.sign({ producer_id: NOBODY });

      const forged = await auth.exchange(producerId, { ...plain, sig: other });
      const unknown = await auth.exchange(producerId, await stranger.sign(wanted, { pubkey: stranger.keyLine }));
      const kept = await auth.ask("EXISTS", `auth:rate:exchange:${stranger.fingerprint}`);
      await auth.review("deny", producer, producerId);
      const revoked = await auth.exchange(producerId, await producer.sign(wanted, { pubkey: producer.keyLine }));

      assert.deepEqual([forged, unknown, kept, revoked], [undefined, undefined, 0, undefined]);
    });

    itToo("is told so of a request about a subject (AUTH-13)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const { nonce = "", payload = "", sig = "" } = await producer.sign({ op: "register", subject_key: "a" });
      const fields = { pubkey: producer.keyLine, payload: Buffer.from(payload), nonce, sig };

      const verdict = must(
        await auth.until(auth.ref.call("judgeSubject", { entry: `${SUBJECT} 1-0`, fields }, asked)),
        "verdict",
      );

      assert.deepEqual(verdict, { kind: "refused", reason: "invalid_cert", problem: "no-certificate", producerId });
    });
  });

  about("subjects", () => {
    it("are for the holder of an approved key, once, and again from the same entry (AUTH-5, AUTH-11)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const nonce = newNonce();
      const { fingerprint } = producer;
      const judged = { kind: "judged", producerId, fingerprint, payload: '{"op":"register","subject_key":"a"}' };

      assert.deepEqual(await judge(auth, producer, "1-0", nonce), { ...judged, isRedelivery: false });
      assert.deepEqual(await judge(auth, producer, "1-0", nonce), { ...judged, isRedelivery: true });
      const replay = await judge(auth, producer, "1-1", nonce);
      assert.deepEqual(replay, { kind: "refused", reason: "replay", problem: "replay", producerId: undefined });
    });

    itToo("are as long as any document may be that is signed, and no longer (AUTH-17)", async () => {
      const auth = await start();
      const { producer } = await auth.approved();
      const of = (lengthBytes: number) => {
        const [op, around] = ["register", '{"op":"register","x":""}'];
        return { op, x: "a".repeat(lengthBytes - around.length) };
      };

      const at = await judge(auth, producer, "1-0", undefined, of(JSON_BYTES_MAX));
      const past = await judge(auth, producer, "2-0", undefined, of(JSON_BYTES_MAX + 1));

      assert.equal(at.kind, "judged");
      const refused = { kind: "refused", reason: "invalid_payload", problem: "too-long", producerId: undefined };
      assert.deepEqual(past, refused);
    });

    itToo("are told to whom they may be told why not (AUTH-13, AUTH-14)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const stranger = await newProducer(auth.authority);

      const unknown = await judge(auth, stranger);
      const kinds: string[] = [];
      for (const id of ["1-0", "2-0", "3-0", "4-0"]) {
        const verdict = await judge(auth, producer, id);
        kinds.push(
          verdict.kind === "refused" ? `${verdict.reason} ${verdict.producerId === producerId}` : verdict.kind,
        );
      }
      await auth.review("deny", producer, producerId);
      auth.jump(10_000);
      const revoked = await judge(auth, producer, "5-0");

      assert.deepEqual(unknown, {
        kind: "refused",
        reason: "unknown_key",
        problem: "unknown-key",
        producerId: undefined,
      });
      assert.deepEqual(kinds, ["judged", "judged", "judged", "rate_limited true"]);
      assert.deepEqual(revoked, {
        kind: "refused",
        reason: "key_not_approved",
        problem: "revoked",
        producerId: undefined,
        status: "revoked",
      });
    });
  });

  about("administrators", () => {
    it("see keys, and decide about them by any of their names (AUTH-2)", async () => {
      const auth = await start();
      const a = await newProducer(auth.authority);
      await auth.register(
        await a.sign({ producer_hint: "binance", contact: "ops@example.com" }, { pubkey: a.keyLine }),
      );
      const list = async (filter: "pending" | "active") =>
        must(await auth.until(auth.ref.call("listKeys", { filter, limit: 10 }, asked)), "keys");
      const [key] = await list("pending");
      const producerId = key?.producerId ?? "";

      const reviewed = await auth.review("approve", { fingerprint: a.textFingerprint }, producerId);

      assert.deepEqual([key?.hint, key?.contact, key?.fingerprint], ["binance", "ops@example.com", a.fingerprint]);
      assert.deepEqual([key?.type, key?.certificate], ["new_producer", undefined]);
      assert.equal(reviewed.kind, "approved");
      await auth.register(await a.sign({}));
      assert.equal((await list("active"))[0]?.certificate?.principal, PRINCIPAL);
      assert.deepEqual(
        (await list("active")).map(({ fingerprint }) => fingerprint),
        [a.fingerprint],
      );
      const call = async (action: "approve" | "deny", fingerprint: string, of: string) => {
        const review = { action, fingerprint, producerId: of, reviewer: "r", notes: undefined } as const;
        const answer = await auth.until(auth.ref.call("reviewKey", review, asked));
        return answer.ok ? answer.value.kind : answer.failure.code;
      };
      assert.equal(await call("approve", a.fingerprint, producerId), "approved");
      assert.equal(await call("approve", "nobody's", producerId), "auth.key-unknown");
      assert.equal(await call("deny", a.fingerprint, NOBODY), "auth.key-unknown");
      assert.equal(await call("deny", a.fingerprint, producerId), "denied");
      assert.equal(await call("deny", a.fingerprint, producerId), "denied");
      assert.equal(await call("approve", a.fingerprint, producerId), "auth.key-decided");
    });

    itToo("sign with a nonce once in five minutes, of what they sign as producers too (AUTH-21)", async () => {
      const auth = await start();
      const a = await newProducer(auth.authority);
      const nonce = newNonce();
      const take = async (fingerprint: string, once: string) =>
        must(await auth.until(auth.ref.call("takeAdminNonce", { fingerprint, nonce: once }, asked)), "a nonce");

      const taken = [await take(a.fingerprint, nonce), await take(a.fingerprint, nonce), await take("other", nonce)];
      const [registered] = await auth.register(await a.sign({ producer_hint: "a" }, { nonce }));
      auth.jump(5 * 60_000 - 1000);
      const before = await take(a.fingerprint, nonce);
      auth.jump(2000);
      const after = await take(a.fingerprint, nonce);

      assert.deepEqual(taken, [true, false, true]);
      assert.deepEqual([registered?.["status"], before, after], ["replay", false, true]);
    });

    itToo("revoke a token by its name where that is known, and by itself where it is ours (AUTH-26)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const [token, second] = [await auth.token(producer, producerId), await auth.token(producer, producerId)];
      const own = await openSigningKey(auth.disk, seededRandom(1), KEY_PATH);
      assert(typeof own !== "string");
      const { privateKey: another } = generateKeyPairSync("ed25519");
      const signed = (jti: string, key = own.key) => signToken({ ...claimsOf(token), jti }, { kid: own.kid, key });
      const over = await signToken({ ...claimsOf(token), jti: UNKNOWN.over, nbf: 1, exp: 2 }, own);
      const revoke = async (jti: string, text?: string) => {
        const what = { kind: "token", jti, text } as const;
        const answer = await auth.until(auth.ref.call("revoke", { what, reason: "lost", reviewer: "r" }, asked));
        return answer.ok ? "done" : answer.failure.code;
      };
      const unknown = "auth.token-unknown";

      assert.equal(await revoke(UNKNOWN.named), unknown);
      assert.equal(await revoke(UNKNOWN.named, await signed(UNKNOWN.named, another)), unknown, "of another key");
      assert.equal(await revoke(UNKNOWN.named, await signed(UNKNOWN.signed)), unknown, "of another name");
      assert.equal(await revoke(UNKNOWN.signed, await signed(UNKNOWN.signed)), "done");
      assert.equal(await revoke(UNKNOWN.over, over), "done", "one that is over may have been renewed");
      const { jti } = claimsOf(token);
      assert.deepEqual([await revoke(jti), await revoke(jti), await revoke(UNKNOWN.signed)], ["done", "done", "done"]);
      await auth.pass(1000);
      const kinds = (await auth.admit(token, second)).map(({ kind }) => kind);
      assert.deepEqual(kinds, ["refused", "admitted"]);
    });

    it("are told which producers there are", async () => {
      const auth = await start();
      const { producerId } = await auth.approved();
      const has = (id: string) => auth.until(auth.ref.call("hasProducer", { producerId: id }, asked));

      assert.deepEqual([must(await has(producerId), "one"), must(await has(NOBODY), "none")], [true, false]);
    });

    it("revoke a key with its tokens (AUTH-9)", async () => {
      const auth = await start();
      const { producer, producerId } = await auth.approved();
      const token = await auth.token(producer, producerId);
      const revoke = async (what: { kind: "key"; fingerprint: string }) => {
        const answer = await auth.until(auth.ref.call("revoke", { what, reason: "lost", reviewer: "r" }, asked));
        return answer.ok ? "done" : answer.failure.code;
      };

      assert.equal(await revoke({ kind: "key", fingerprint: "unknown" }), "auth.key-unknown");
      assert.equal((await auth.admit(token))[0]?.kind, "admitted");
      assert.equal(await revoke({ kind: "key", fingerprint: producer.fingerprint }), "done");
      await auth.pass(1000);
      assert.equal((await auth.admit(token))[0]?.kind, "refused");
    });
  });

  about("protocol 0.1.0", () => {
    const config = { legacyRegisterStream: "old:register", legacyResponseStream: "old:register:resp" };

    it("gives a key that is approved a token, once an hour, and lets any other wait (AUTH-12)", async () => {
      const auth = await start({ config });
      const a = await newProducer(auth.authority);
      const plain = async () => a.sign({ producer_hint: "old" }, { pubkey: a.keyLine });
      const told = async () => auth.answers("old:register:resp");

      await auth.sent("old:register", await plain());
      assert.deepEqual(await told(), []);
      const approval = {
        fingerprint: a.fingerprint,
        producerId: undefined,
        reviewer: "r",
        notes: undefined,
        lifeMs: 10_000_000,
      };
      const given = must(await auth.until(auth.ref.call("approveWithToken", approval, asked)), "approval");
      const admitted = { kind: "admitted", producerId: given.producerId, subjectId: undefined };
      assert.deepEqual(await auth.admit(given.token), [admitted]);
      await auth.sent("old:register", await plain(), await plain());
      const [first, ...others] = await told();
      assert.deepEqual(others, []);
      assert.equal(first?.["fingerprint"], a.fingerprint);
      assert.deepEqual(await auth.admit(first?.["token"] ?? ""), [admitted]);
      auth.jump(60 * 60_000);
      await auth.sent("old:register", await plain());
      assert.equal((await told()).length, 1, "the stream of before is gone");
    });

    it("has no key take the place of another one, unless its producer is named", async () => {
      const auth = await start({ config });
      const { producer, producerId } = await auth.approved();
      const stranger = await newProducer(auth.authority);
      const claim = await stranger.sign({ producer_id: producerId }, { pubkey: stranger.keyLine });
      await auth.sent("old:register", claim);
      const rest = { fingerprint: stranger.fingerprint, reviewer: "r", notes: undefined, lifeMs: 60_000 };
      const ask = async (named: string | undefined) =>
        auth.until(auth.ref.call("approveWithToken", { ...rest, producerId: named }, asked));

      const [unnamed, other] = [await ask(undefined), await ask(NOBODY)];
      const token = await auth.token(producer, producerId);
      const named = must(await ask(producerId), "approval");

      assert.deepEqual(
        [unnamed, other].map((answer) => !answer.ok && answer.failure.code),
        ["auth.key-rotates", "auth.key-unknown"],
      );
      assert.notEqual(token, "");
      assert.equal(named.producerId, producerId);
      const keys = must(await auth.until(auth.ref.call("listKeys", { filter: "active", limit: 10 }, asked)), "keys");
      assert.deepEqual(
        keys.map(({ fingerprint, certificate }) => [fingerprint, certificate]),
        [[stranger.fingerprint, undefined]],
      );
    });

    itToo("is not served where no stream is named", async () => {
      const auth = await start();
      const a = await newProducer(auth.authority);

      await auth.send("old:register", await a.sign({}));
      await auth.pass(5000);

      const keys = must(await auth.until(auth.ref.call("listKeys", { filter: "all", limit: 10 }, asked)), "keys");
      assert.deepEqual(keys, []);
    });
  });
}

function claimsOf(token: string): Claims {
  const [, claims = ""] = token.split(".");
  return JSON.parse(Buffer.from(claims, "base64url").toString());
}
