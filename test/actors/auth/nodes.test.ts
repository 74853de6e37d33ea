/** Several nodes on one database and one Redis, and one node over several lives and keys. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkAuthConfig } from "#actors/auth/config.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { Trusted } from "#actors/auth/trusted.ts";
import { AUTHORITY_READ_MS } from "#actors/auth/upkeep.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { REFUSALS_LOGGED_BURST_MAX } from "#actors/domain/streams/stream-loop.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { newAuthority, newProducer } from "#test/actors/auth/producer.ts";
import { asked, configWith, KEY_PATH, type StartedAuth, startAuth } from "#test/actors/auth/start-auth.ts";
import { silentLog } from "#test/kit/actor.ts";

const authority = newAuthority();

/** On the same clock, so that time passes for both. */
async function startTwo(): Promise<readonly [StartedAuth, StartedAuth]> {
  const directory = new MemoryDirectory(seededRandom(1));
  const first = await startAuth({ directory, authority: await authority });
  const beside = { machine: first.started, directory, redis: first.server };
  return [first, await startAuth({ ...beside, authority: await authority, disk: new MemoryDisk() })];
}

async function kidOf(auth: StartedAuth): Promise<string | undefined> {
  return must(await auth.until(auth.ref.call("describe", {}, asked)), "describe").kid;
}

describe("auth: several nodes", () => {
  it("take each other's tokens, also of a node that has just begun (AUTH-8)", async () => {
    const [one, other] = await startTwo();
    const { producer, producerId } = await one.approved();
    const token = await one.token(producer, producerId);
    const admitted = [{ kind: "admitted", producerId, subjectId: undefined }];

    assert.notEqual(await kidOf(one), await kidOf(other));
    assert.deepEqual(await one.admit(token), admitted);
    assert.deepEqual(await other.admit(token), admitted);
  });

  it("take the tokens of one that has just begun, although they have just looked for another (AUTH-8)", async () => {
    const directory = new MemoryDirectory(seededRandom(1));
    const one = await startAuth({ directory, authority: await authority });
    const { producer, producerId } = await one.approved();
    const [header = "", ...rest] = (await one.token(producer, producerId)).split(".");
    const said = { ...JSON.parse(Buffer.from(header, "base64url").toString()), kid: "a made-up name" };
    const strange = [Buffer.from(JSON.stringify(said)).toString("base64url"), ...rest].join(".");
    await one.pass(1000);

    const [refused] = await one.admit(strange);
    const beside = { machine: one.started, directory, redis: one.server, authority: await authority };
    const other = await startAuth({ ...beside, disk: new MemoryDisk() });
    const approval = {
      fingerprint: producer.fingerprint,
      producerId: undefined,
      reviewer: "r",
      notes: undefined,
      lifeMs: 60_000,
    };
    const { token } = must(await other.until(other.ref.call("approveWithToken", approval, asked)), "a token");
    const early = await one.admit(token, strange);
    await one.pass(100);
    const admissions = await one.admit(token, strange);

    assert.deepEqual(
      early.map(({ kind }) => kind),
      ["undecided", "undecided"],
    );
    assert.equal(refused?.kind === "refused" && refused.problem, "unknown_kid");
    assert.deepEqual(admissions, [{ kind: "admitted", producerId, subjectId: undefined }, refused]);
  });

  it("hear of what the other has revoked within a second (AUTH-9)", async () => {
    const [one, other] = await startTwo();
    const { producer, producerId } = await one.approved();
    const token = await one.token(producer, producerId);
    await one.pass(1000);
    for (const auth of [one, other]) assert.equal((await auth.admit(token))[0]?.kind, "admitted");

    await one.review("deny", producer, producerId);
    await one.pass(900);

    for (const auth of [one, other]) assert.equal((await auth.admit(token))[0]?.kind, "refused");
  });

  it("share the entries of a stream, and what one has left the other does (AUTH-10)", async () => {
    const [one, other] = await startTwo();
    const producers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => newProducer(one.authority)));
    const requests = await Promise.all(producers.map((producer) => producer.sign({})));
    // What it is given it answers, and can acknowledge nothing.
    one.server.fateOf = (names) => (names.includes("XACK") ? "lost" : "answered");
    for (const request of requests) await one.send("fdc:register", request);
    await one.pass(1000);
    one.started.actor.kill("gone for good");
    one.server.fateOf = () => "answered";
    for (const auth of [one, other]) auth.jump(3 * 60_000);
    await other.pass(16_000);
    await other.settled("fdc:register");

    for (const { nonce } of requests) {
      const told = await other.answers(`fdc:register:resp:${nonce}`);
      assert(told.length >= 1 && told.every(({ status }) => status === "pending"), JSON.stringify(told));
    }
  });
});

describe("auth: another signing key", () => {
  it("signs from the next start on, and what the one before has signed counts until it is over (AUTH-20)", async () => {
    const auth = await startAuth({ authority: await authority });
    const { producer, producerId } = await auth.approved();
    const before = await auth.token(producer, producerId);
    const kid = await kidOf(auth);
    must(await auth.disk.remove(KEY_PATH), "remove");
    auth.started.actor.kill("for another key");
    await auth.started.restart();
    await auth.pass(1000);

    const after = await auth.token(producer, producerId);

    assert.notEqual(await kidOf(auth), kid);
    assert.deepEqual(
      (await auth.admit(before, after)).map(({ kind }) => kind),
      ["admitted", "admitted"],
    );
    auth.jump(59 * 60_000);
    assert.deepEqual(
      (await auth.admit(before)).map(({ kind }) => kind),
      ["admitted"],
    );
    auth.jump(3 * 60_000);
    assert.deepEqual(
      (await auth.admit(before, after)).map(({ kind }) => kind),
      ["refused", "refused"],
    );
  });
});

describe("auth: without an authority", () => {
  it("says what to do, and takes no certificate (AUTH-16)", async () => {
    const auth = await startAuth({ authority: await authority, config: { producerAuthority: [] } });
    const a = await newProducer(auth.authority);

    const { trouble, authorityCount } = must(await auth.until(auth.ref.call("describe", {}, asked)), "describe");

    assert.match(trouble ?? "", /auth\.producerAuthority names no file.*cepa auth init/);
    assert.equal(authorityCount, 0);
    assert.equal((await auth.register(await a.sign({}))).at(-1)?.["status"], "invalid_cert");
  });

  it("takes those that a file has when it is read again (AUTH-16)", async () => {
    const auth = await startAuth({ authority: await authority });
    const [before, next] = [await newProducer(auth.authority), await newAuthority()];
    const after = await newProducer(next);
    must(await auth.disk.replaceFile("/etc/producer_ca.pub", Buffer.from(next.line)), "a file");
    await auth.pass(AUTHORITY_READ_MS);
    assert.equal((await auth.register(await before.sign({}))).at(-1)?.["status"], "invalid_cert");
    must(await auth.disk.remove("/etc/producer_ca.pub"), "remove");
    await auth.pass(AUTHORITY_READ_MS);

    assert.equal((await auth.register(await after.sign({}))).at(-1)?.["status"], "pending");
    assert.match(
      must(await auth.until(auth.ref.call("describe", {}, asked)), "describe").trouble ?? "",
      /cannot be read/,
    );
  });
});

describe("auth: what is refused", () => {
  it("is in the log with why and by whom, a few at once, and the rest for who looks at details (AUTH-13)", async (test) => {
    const [told, aside] = [test.mock.method(silentLog, "info"), test.mock.method(silentLog, "debug")];
    const auth = await startAuth({ authority: await authority });
    const stranger = await newProducer(await newAuthority());
    const count = REFUSALS_LOGGED_BURST_MAX + 3;

    const sent = await Promise.all(Array.from({ length: count }, () => stranger.sign({})));
    await auth.sent("fdc:register", ...sent);

    const refused = [told, aside].map(({ mock }) =>
      mock.calls.flatMap(({ arguments: [event, fields] }) => (event === "stream.entry-refused" ? [fields] : [])),
    );
    const lines = refused.flat();
    assert.equal(lines.length, count);
    assert((refused[0]?.length ?? 0) >= REFUSALS_LOGGED_BURST_MAX && (refused[1]?.length ?? 0) > 0);
    for (const line of lines) {
      const { outcome, problem, fingerprint } = line ?? {};
      assert.deepEqual([outcome, problem, fingerprint], ["invalid_cert", "unknown-authority", stranger.fingerprint]);
    }
  });
});

describe("auth: a list of authorities that changes", () => {
  const [first, second] = ["/etc/first.pub", "/etc/second.pub"];

  it("counts at once, in both directions (AUTH-16)", async () => {
    const { trusted, name, keys } = await trustOf({ [first]: "first", [second]: "second" }, [first]);
    const before = await trusted.current();

    name([first, second]);
    const both = await trusted.current();
    name([second]);
    const after = await trusted.current();

    assert.deepEqual(
      [before, both, after].map((trust) => keys(trust)),
      [["first"], ["first", "second"], ["second"]],
    );
  });

  it("leaves nobody in whom it names no more, also where another file cannot be read (AUTH-16)", async () => {
    const { trusted, name, keys, troubles } = await trustOf({ [first]: "first", [second]: "second" }, [first]);
    await trusted.current();

    name([first, "/etc/none.pub"]);
    const kept = await trusted.current();
    name([second, "/etc/none.pub"]);
    const other = await trusted.current();

    assert.deepEqual([keys(kept), keys(other)], [["first"], ["second"]]);
    assert.match(troubles.at(-1) ?? "", /none\.pub cannot be read/);
  });

  it("is not undone by a look that began before (AUTH-16)", async () => {
    const { trusted, name, keys, disk } = await trustOf({ [first]: "first", [second]: "second" }, [first]);
    await trusted.current();
    const read = disk.readFile.bind(disk);
    const held = Promise.withResolvers<void>();
    disk.readFile = async (path) => {
      if (path === first) await held.promise;
      return read(path);
    };

    const periodic = trusted.read();
    name([second]);
    const during = await trusted.current();
    held.resolve();
    await periodic;

    assert.deepEqual([keys(during), keys(await trusted.current())], [["second"], ["second"]]);
  });
});

/** What is trusted of these files, each with one authority by the name given. */
async function trustOf(files: Readonly<Record<string, string>>, paths: readonly string[]) {
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/etc"), "a directory");
  const names = new Map<string, string>();
  for (const [path, name] of Object.entries(files)) {
    const { line } = await newAuthority();
    const key = must(parseKeyLine(line), "a line");
    assert(key.kind === "key");
    names.set(Buffer.from(key.key.blob).toString("hex"), name);
    must(await disk.replaceFile(path, Buffer.from(line)), path);
  }
  const config = { current: configWith({ producerAuthority: paths }) };
  const troubles: (string | undefined)[] = [];
  const trusted = new Trusted(disk, config, (cause) => troubles.push(cause));
  return {
    ...{ disk, trusted, troubles },
    name: (producerAuthority: readonly string[]): void => {
      config.current = configWith({ producerAuthority });
    },
    keys: ({ authorities }: Awaited<ReturnType<Trusted["current"]>>): readonly (string | undefined)[] =>
      authorities.map(({ blob }) => names.get(Buffer.from(blob).toString("hex"))),
  };
}

describe("auth: its configuration", () => {
  const config = {
    producerAuthority: [],
    principals: [],
    issuer: "a",
    audience: "b",
    skewSeconds: 60,
    pendingMax: 1,
    renewalsMs: 1000,
    callTimeoutMs: 1000,
    revocationLateMs: 1000,
  };
  const check = (legacyRegisterStream: string, legacyResponseStream: string): string | undefined =>
    checkAuthConfig({ ...config, legacyRegisterStream, legacyResponseStream });

  it("names no stream for older producers that has a meaning already, nor one for two", () => {
    assert.equal(check("", ""), undefined);
    assert.equal(check("register", "register:resp"), undefined);
    assert.match(check("fdc:register", "") ?? "", /legacyRegisterStream cannot be fdc:register/);
    assert.match(check("events", "") ?? "", /cannot be events/);
    assert.match(check("register", "events") ?? "", /legacyResponseStream cannot be events/);
    assert.match(check("a", "a") ?? "", /are two streams/);
  });
});
