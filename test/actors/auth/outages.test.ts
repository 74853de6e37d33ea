/** Auth while Postgres or Redis is away, hangs or forgets, and when it ends in the middle of an entry. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMISSION_MS } from "#actors/auth/admissions.ts";
import type { AuthConfig } from "#actors/auth/config.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { must } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { hour } from "#runtime/units.ts";
import { AwayDirectory } from "#test/actors/auth/away-directory.ts";
import { newAuthority, newProducer } from "#test/actors/auth/producer.ts";
import { asked, type StartedAuth, startAuth } from "#test/actors/auth/start-auth.ts";
import { patient } from "#test/kit/patient.ts";

const REGISTER = "fdc:register";
const authority = newAuthority();

interface World {
  readonly auth: StartedAuth;
  readonly away: AwayDirectory;
}

async function start(config: Partial<AuthConfig> = {}): Promise<World> {
  const away = new AwayDirectory(new MemoryDirectory(seededRandom(1)));
  return { auth: await startAuth({ directory: away.directory, authority: await authority, config }), away };
}

async function trouble({ auth }: World): Promise<string | undefined> {
  return must(await auth.until(auth.ref.call("describe", {}, asked)), "describe").trouble;
}

async function pendingCount({ auth }: World): Promise<unknown> {
  const summary = await auth.ask("XPENDING", REGISTER, "cepa-auth");
  return Array.isArray(summary) ? summary[0] : undefined;
}

describe("auth: Postgres is away", () => {
  it("acts on nothing, acknowledges nothing, and says so, until it is back (AUTH-10)", async () => {
    const world = await start();
    const { auth, away } = world;
    const a = await newProducer(auth.authority);
    const request = await a.sign({});
    away.isAway = true;

    await auth.send(REGISTER, request);
    await auth.pass(8000);

    assert.equal(await pendingCount(world), 1);
    assert.deepEqual(await auth.answers(`fdc:register:resp:${request["nonce"]}`), []);
    assert.equal(await trouble(world), "postgres: it is away");
    away.isAway = false;
    await auth.settled(REGISTER);
    const [told] = await auth.answers(`fdc:register:resp:${request["nonce"]}`);
    assert.equal(told?.["status"], "pending");
    assert.equal(await trouble(world), undefined);
  });

  it("says of what only asks that nothing was decided, and of a decision not", async () => {
    const { auth, away } = await start();
    const { producer, producerId } = await auth.approved();
    away.isAway = true;
    const executedIn = (answer: { readonly ok: boolean; readonly failure?: unknown }): unknown =>
      Object(answer.failure).executed;
    const { fingerprint } = producer;
    const review = { action: "deny", fingerprint, producerId, reviewer: "r", notes: undefined } as const;

    const listed = await auth.until(auth.ref.call("listKeys", { filter: "all", limit: 1 }, asked));
    const has = await auth.until(auth.ref.call("hasProducer", { producerId }, asked));
    const denied = await auth.until(auth.ref.call("reviewKey", review, asked));

    assert.deepEqual([listed, has, denied].map(executedIn), ["no", "no", undefined]);
  });

  it("takes nothing from the rate by trying again (AUTH-14)", async () => {
    const { auth, away } = await start();
    const { producer } = await auth.approved();
    auth.jump(20_000);
    for (let count = 0; count < 3; count += 1) {
      away.isAway = true;
      const request = await producer.sign({ producer_hint: "a" });
      await auth.send(REGISTER, request);
      await auth.pass(3000);
      away.isAway = false;
      await auth.settled(REGISTER);
      const told = await auth.answers(`fdc:register:resp:${request["nonce"]}`);
      assert.deepEqual(
        told.map(({ status }) => status),
        ["approved"],
      );
    }
  });

  it("admits what it remembers for a second, and then nobody (AUTH-9)", async () => {
    const { auth, away } = await start();
    const { producer, producerId } = await auth.approved();
    const token = await auth.token(producer, producerId);
    await auth.pass(500);
    const admitted = [{ kind: "admitted", producerId, subjectId: undefined }];
    assert.deepEqual(await auth.admit(token), admitted);
    const askedCount = away.asked.filter((name) => name === "tokens").length;

    assert.deepEqual(await auth.admit(token, token), admitted.concat(admitted));
    assert.equal(away.asked.filter((name) => name === "tokens").length, askedCount, "it was remembered");
    away.isAway = true;
    assert.deepEqual(await auth.admit(token), admitted);
    await auth.pass(1100);
    const forged = `${token.slice(0, -4)}AAAA`;
    const [undecided, refused] = await auth.admit(token, forged);
    assert.deepEqual(undecided, { kind: "undecided", cause: "postgres: it is away" });
    assert.equal(refused?.kind, "refused", "that needs nobody");
    away.isAway = false;
    await auth.pass(8000);
    assert.deepEqual(await auth.admit(token), admitted);
  });

  it("admits what it remembers for as long as revocations may be late, and no token that is over (AUTH-9)", async () => {
    const { auth, away } = await start({ revocationLateMs: 2 * hour });
    const { producer, producerId } = await auth.approved();
    const [token, other] = [await auth.token(producer, producerId), await auth.token(producer, producerId)];
    const admitted = [{ kind: "admitted", producerId, subjectId: undefined }];
    assert.deepEqual(await auth.admit(token), admitted);
    away.isAway = true;
    await auth.pass(2 * ADMISSION_MS);

    assert.deepEqual(await auth.admit(token), admitted, "older than what is asked for again");
    const kinds = (await auth.admit(token, other)).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["admitted", "undecided"], "of one nothing is known");
    auth.jump(1 * hour);
    assert.equal((await auth.admit(token))[0]?.kind, "refused", "it is over");
    away.isAway = false;
  });

  it("and hangs: it is left alone after some calls that it did not answer, until it does (AUTH-10)", async () => {
    const { auth, away } = await start();
    const { producer, producerId } = await auth.approved();
    const token = await auth.token(producer, producerId);
    away.hanging = auth.started.clock;
    for (let count = 0; count < 6; count += 1) {
      const asking = auth.admit(token);
      await auth.pass(6000);
      assert.equal((await asking)[0]?.kind, "undecided");
    }
    const askedCount = away.asked.length;

    const admit = () => auth.ref.call("admit", { tokens: [token] }, asked);
    const answers = await auth.until(Promise.all(Array.from({ length: 8 }, admit)));

    assert(answers.every((answer) => answer.ok && answer.value[0]?.kind === "undecided"));
    const tokens = away.asked.slice(askedCount).filter((name) => name === "tokens");
    assert(tokens.length <= 1, "at most a probe was sent");
    away.hanging = undefined;
    await auth.pass(15_000);
    assert.equal((await auth.admit(token))[0]?.kind, "admitted");
  });

  it("is waited for when auth starts (AUTH-10)", async () => {
    const away = new AwayDirectory(new MemoryDirectory(seededRandom(1)));
    away.isAway = true;
    const auth = await startAuth({ directory: away.directory, authority: await authority });
    const a = await newProducer(auth.authority);
    const request = await a.sign({});
    await auth.send(REGISTER, request);
    await auth.pass(3000);
    assert.deepEqual(await auth.ask("XINFO", "GROUPS", REGISTER), [], "nothing is read before it can be judged");

    away.isAway = false;
    await auth.settled(REGISTER);

    assert.equal((await auth.answers(`fdc:register:resp:${request["nonce"]}`)).length, 1);
  });
});

describe("auth: Redis is away", () => {
  it("acts on nothing before a nonce is known to be new (AUTH-4)", async () => {
    const world = await start();
    const { auth, away } = world;
    const a = await newProducer(auth.authority);
    auth.server.fateOf = (names) => (names.includes("SET") ? "lost" : "answered");

    await auth.send(REGISTER, await a.sign({}));
    await auth.pass(5000);

    assert(!away.asked.includes("register"));
    auth.server.fateOf = () => "answered";
    await auth.settled(REGISTER);
    assert.deepEqual(
      away.asked.filter((name) => name === "register"),
      ["register"],
    );
  });

  for (const fate of ["lost", "done-unheard"] as const) {
    it(`answers all the same when an answer, or an acknowledgement, is ${fate} (AUTH-10)`, async () => {
      const { auth, away } = await start();
      const a = await newProducer(auth.authority);
      const request = await a.sign({});
      let leftCount = 4;
      auth.server.fateOf = (names) => {
        if (!names.includes("PEXPIRE") && !names.includes("XACK")) return "answered";
        leftCount -= 1;
        return leftCount >= 0 ? fate : "answered";
      };

      await auth.send(REGISTER, request);
      await auth.settled(REGISTER);

      const told = await auth.answers(`fdc:register:resp:${request["nonce"]}`);
      assert(told.length >= 1 && told.every(({ status }) => status === "pending"), JSON.stringify(told));
      const registered = away.asked.filter((name) => name === "register");
      assert.deepEqual(registered, ["register"]);
      assert.equal(auth.started.exits.length, 0);
    });
  }

  it("is full: what was signed is judged and answered all the same, and leaves the stream (ING-36)", async () => {
    const { auth } = await start();
    const { producer } = await auth.approved();
    const request = await producer.sign({ producer_hint: "a" });
    const answered = `fdc:register:resp:${request["nonce"]}`;

    auth.server.fateOf = (names) => {
      if (names.includes("SET")) auth.server.refuseGrowth(true);
      return "answered";
    };
    await auth.send(REGISTER, request);
    await auth.settled(REGISTER);

    assert.equal((await auth.answers(answered)).length, 1);
    auth.server.refuseGrowth(false);
  });
});

describe("auth: a review while Redis is away", () => {
  it("is made, and says that nobody could be told (AUTH-2)", async () => {
    const { auth } = await start();
    const a = await newProducer(auth.authority);
    const request = await a.sign({});
    const [pending] = await auth.register(request);
    auth.server.fateOf = (names) => (names.includes("PEXPIRE") ? "lost" : "answered");

    const reviewed = await auth.review("approve", a, pending?.["producer_id"] ?? "");

    assert.deepEqual(reviewed, { kind: "approved", type: "new_producer", wasApproved: false, isTold: false });
    auth.server.fateOf = () => "answered";
    await auth.pass(1000);
    assert.deepEqual(await auth.review("approve", a, pending?.["producer_id"] ?? ""), {
      ...reviewed,
      wasApproved: true,
      isTold: true,
    });
    assert.equal((await auth.answers(`fdc:register:resp:${request["nonce"]}`)).at(-1)?.["status"], "approved");
    await auth.pass(1000);
    assert.equal((await auth.register(await a.sign({}))).at(-1)?.["status"], "approved");
  });
});

describe("auth: an approval with a token", () => {
  it("is given the token when it is asked again, where Postgres went away in the midst of it", async () => {
    const { auth, away } = await start();
    const a = await newProducer(auth.authority);
    const request = await a.sign({});
    await auth.register(request);
    const approval = {
      fingerprint: a.fingerprint,
      producerId: undefined,
      reviewer: "r",
      notes: undefined,
      lifeMs: 60_000,
    };
    const ask = async () => auth.until(auth.ref.call("approveWithToken", approval, asked));
    away.unreachable = "issue";

    const first = await ask();
    away.unreachable = undefined;
    const again = await ask();

    assert.equal(!first.ok && first.failure.code, "auth.unavailable");
    assert(again.ok);
    assert.equal((await auth.admit(again.value.token))[0]?.kind, "admitted");
    const told = await auth.answers(`fdc:register:resp:${request["nonce"]}`);
    assert.deepEqual(
      told.map(({ status }) => status),
      ["pending", "approved", "approved"],
    );
  });
});

describe("auth: an entry that is delivered again", () => {
  it("is answered again as before, and counts once (AUTH-5)", async () => {
    const { auth } = await start();
    const a = await newProducer(auth.authority);
    auth.server.fateOf = (names) => (names.includes("XACK") ? "lost" : "answered");
    const request = await a.sign({});

    await auth.send(REGISTER, request);
    await auth.pass(2000);
    await auth.started.crash();
    auth.server.fateOf = () => "answered";
    await auth.settled(REGISTER);

    const told = await auth.answers(`fdc:register:resp:${request["nonce"]}`);
    assert.equal(told.length, 2);
    assert.deepEqual(told[0], told[1]);
    assert.equal(told[0]?.["status"], "pending");
  });

  it("is another token of the same grant, where it was an exchange (AUTH-5)", async () => {
    const { auth } = await start();
    const { producer, producerId } = await auth.approved();
    auth.server.fateOf = (names) => (names.includes("XACK") ? "lost" : "answered");

    await auth.send("fdc:token:exchange", await producer.sign({ producer_id: producerId }));
    await auth.pass(2000);
    await auth.started.crash();
    auth.server.fateOf = () => "answered";
    await auth.settled("fdc:token:exchange");

    const told = await auth.answers(`fdc:token:resp:${producerId}`);
    const tokens = told.map(({ token = "" }) => token);
    assert.equal(new Set(tokens).size, 2);
    assert.deepEqual(
      (await auth.admit(...tokens)).map(({ kind }) => kind),
      ["admitted", "admitted"],
    );
  });

  it("is given up when it has ended whoever had it (AUTH-19)", async () => {
    const world = await start();
    const { auth, away } = world;
    const a = await newProducer(auth.authority);
    away.broken = "register";

    await auth.send(REGISTER, await a.sign({}));
    for (let count = 1; count <= 3; count += 1) {
      await auth.pass(3000);
      assert.equal(auth.started.exits.length, count);
      await auth.started.restart();
    }
    await auth.settled(REGISTER);

    assert.equal(auth.started.exits.length, 3);
    assert.equal(await pendingCount(world), 0);
    away.broken = undefined;
    assert.equal((await auth.register(await a.sign({}))).at(-1)?.["status"], "pending");
    await auth.until(auth.redis.ready(patient));
  });
});
