/** Names beside a real node: the commands of the README, a crash, and keys in files. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { lockKey } from "#cli/name-key.ts";
import { CepaClient, webCryptoSigner } from "#client/client.ts";
import { cepa, type Ran } from "#test/cli/run.ts";
import { startLateProxy } from "#test/kit/late-proxy.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";

const nobodys = `b3:${"0".repeat(64)}`;

describe("names: beside a running node", () => {
  let node: TestNode;
  let client: CepaClient;
  let config: string;
  let one: string;
  let two: string;
  const run = (...args: readonly string[]): Promise<Ran> =>
    cepa(["name", ...args, "--data", node.dataDirectory], { env: { XDG_CONFIG_HOME: config } });

  before(async () => {
    node = await startNode();
    client = new CepaClient({ url: node.url });
    config = join(node.dataDirectory, "config");
    one = (await client.putObject(Uint8Array.of(1))).address;
    two = (await client.putObject(Uint8Array.of(2))).address;
  });
  after(() => node.dispose());

  it("makes a key that only its owner can read, says so once, and leads a name to one object after another", async () => {
    const first = await run("set", "site", one);
    const second = await run("set", "site", two, "--expires", "7d");

    const file = join(config, "cepa", "name.key");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, "utf8"), /^-----BEGIN PRIVATE KEY-----\n/);
    assert.match(first.stderr, new RegExp(`^cepa: made a key for your names: ${file}\n`));
    assert.equal(second.stderr, "");
    const [, key] = /^([0-9a-f]{64})\/site\n$/.exec(first.stdout) ?? [];
    assert(key !== undefined, first.stdout);
    assert.equal(second.stdout, first.stdout);
    assert.match((await run("history", "site")).stdout, new RegExp(`\n2 {2}${two} {2}until 20..-..-..T.*Z\n$`));

    const own = await run("get", "site");
    const whole = await cepa(["name", "get", `${key}/site`, "--url", node.url]);
    const prefixed = await cepa(["name", "get", `name:${key}/site`, "--url", node.url]);
    for (const { stdout } of [own, whole, prefixed]) assert.equal(stdout, `${two}\n`);
    const history = await run("history", "site", "--json");
    const records = history.stdout.trim().split("\n");
    assert.deepEqual(
      records.map((line) => (JSON.parse(line) as { value: string }).value),
      [one, two],
    );
  });

  it("is not signed with a key that a mistaken --key would make, but with one that was wanted", async () => {
    const key = join(config, "elsewhere", "work.key");

    const refused = await run("set", "work", one, "--key", key);
    const isMade = existsSync(join(config, "elsewhere"));
    const made = await run("set", "work", one, "--key", key, "--new-key");
    const used = await run("set", "work", two, "--key", key);

    assert.deepEqual([refused.code, refused.stdout, isMade, made.code, used.code], [1, "", false, 0, 0]);
    assert.match(refused.stderr, /^cepa: cli\.bad-key: there is no key in [^\n]*--new-key[^\n]*\n$/);
  });

  it("is set by several at once on one machine, one after the other, and does not freeze", async () => {
    const ran = await Promise.all([one, two, one, two].map((target) => run("set", "crowd", target)));

    assert.deepEqual(
      ran.map(({ code, stderr }) => [code, stderr]),
      ran.map(() => [0, ""]),
    );
    const history = await run("history", "crowd", "--json");
    const seqs = history.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    // What it leads to already is not set again.
    assert(seqs.length >= 2, `${seqs}`);
    assert.deepEqual(
      seqs,
      seqs.map((_, at) => at + 1),
    );
  });

  it("goes on where the answer to a set was lost, also when that reaches the node after the next has asked", async () => {
    await using proxy = await startLateProxy(node.url);
    const env = { XDG_CONFIG_HOME: config };
    const set = (target: string): Promise<Ran> => cepa(["name", "set", "late", target, "--url", proxy.url], { env });
    const unanswered = (): string[] =>
      readdirSync(join(config, "cepa")).filter((file) => file.endsWith(".late.unanswered"));
    proxy.delayNext();

    const lost = await set(one);
    const [file = ""] = unanswered();
    const mode = statSync(join(config, "cepa", file)).mode & 0o777;
    const next = await set(two);

    assert.match(lost.stderr, /cepa: cli\.unreachable: /);
    assert.deepEqual([lost.code, mode, next.code, next.stderr], [1, 0o600, 0, ""]);
    assert.deepEqual(unanswered(), []);
    const history = await run("history", "late");
    assert.match(history.stdout, new RegExp(`^1 {2}${one}\n2 {2}${two}\n$`));
  });

  it("is sent to nobody where it cannot be kept until it is answered", async () => {
    const [, key = ""] = /^([0-9a-f]{64})\/first$/m.exec((await run("set", "first", one)).stdout) ?? [];
    const file = join(config, "cepa", `${key}.first.unanswered`);
    writeFileSync(file, "{}");
    const garbled = await run("set", "first", two);
    rmSync(file);
    const full = await cepa(["name", "set", "first", two, "--url", node.url], {
      env: { XDG_CONFIG_HOME: config },
      fileBlocksMax: 0,
    });

    assert.match(garbled.stderr, /^cepa: cli\.file-unreadable: [^\n]*\n$/);
    assert.match(full.stderr, /^cepa: cli\.file-unwritable: [^\n]*EFBIG[^\n]*\n$/);
    assert.deepEqual([garbled.code, full.code, existsSync(file)], [1, 1, false]);
    assert.equal((await run("get", "first")).stdout, `${one}\n`);
  });

  it("is not set while another command sets one with the same key", async () => {
    const first = await run("set", "held", one);
    const [, key = ""] = /^([0-9a-f]{64})\/held$/m.exec(first.stdout) ?? [];
    const lock = await lockKey(key);
    assert(lock.ok);
    let isDone = false;
    const setting = run("set", "held", two).then((ran) => {
      isDone = true;
      return ran;
    });
    // As long as several of them take when nobody is in the way.
    for (let look = 0; look < 5; look += 1) assert.equal((await run("get", "held")).stdout, `${one}\n`);
    assert(!isDone, "it waits");
    lock.value.release();
    assert.equal((await setting).code, 0);
    assert.equal((await run("get", "held")).stdout, `${two}\n`);
  });

  it("gets and tells about the object behind a name, and asks for the link of a private one", async () => {
    const { link } = await client.putPrivate(Uint8Array.of(3));
    await run("set", "behind", two);
    await run("set", "secret", link);
    const env = { XDG_CONFIG_HOME: config };

    const got = await cepa(["get", "name:behind", "--url", node.url], { env });
    const stat = await cepa(["stat", "name:behind", "--json", "--url", node.url], { env });
    const secret = await cepa(["get", "name:secret", "--url", node.url], { env });

    assert.equal(got.stdout, "\x02", got.stderr);
    assert.equal((JSON.parse(stat.stdout) as { address: string }).address, two);
    assert.match(
      secret.stderr,
      /^cepa: cli\.bad-name: the name leads to the private object cepa:[0-9a-f]{64}: [^\n]*\n$/,
    );
    assert(!(await run("history", "secret")).stdout.includes("#"), "no key is in a record");
  });

  it("keeps names through a crash of the cell that has them", async () => {
    await run("set", "kept", one);

    await node.killCell("data");

    assert.equal((await run("get", "kept")).stdout, `${one}\n`);
    assert.match((await run("list")).stdout, /^kept {4}1 {2}b3:/m);
  });

  it("says in one line why it does not", async () => {
    const outcomes = {
      unknown: await run("set", "site", nobodys),
      nothing: await run("get", "nothing"),
      keyless: await run("list", "--key", join(config, "none.key")),
      label: await run("set", "Site", one),
    };

    assert.match(outcomes.unknown.stderr, /^cepa: overlay\.target-unknown: [^\n]* not held here[^\n]*\n$/);
    assert.match(outcomes.nothing.stderr, /^cepa: index\.name-unknown: [^\n]*\n$/);
    assert.match(outcomes.keyless.stderr, /^cepa: cli\.bad-key: there is no key in [^\n]*\n$/);
    assert.deepEqual(
      Object.values(outcomes).map(({ code }) => code),
      [1, 1, 1, 2],
    );
  });

  it("uses no key that others can read, and none that is no Ed25519 key", async () => {
    mkdirSync(config, { recursive: true });
    const [open, other] = [join(config, "open.key"), join(config, "other.key")];
    await run("set", "open", one, "--key", open, "--new-key");
    chmodSync(open, 0o640);
    writeFileSync(other, "hello", { mode: 0o600 });

    const [opened, garbled] = [await run("get", "open", "--key", open), await run("get", "open", "--key", other)];

    assert.match(opened.stderr, /^cepa: cli\.bad-key: [^\n]*chmod 600[^\n]*\n$/);
    assert.match(garbled.stderr, /^cepa: cli\.bad-key: [^\n]*\n$/);
  });

  it("freezes a name whose owner signed twice, and shows both records", async () => {
    const generated = await globalThis.crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    assert("privateKey" in generated);
    const signer = await webCryptoSigner(generated);
    await client.setName("mine", one, { signer });
    // Another place that has the key, and has not heard of the first record.
    const unaware = new CepaClient({
      url: node.url,
      fetch: async (input, init) => {
        if (init?.method === "PUT") return await fetch(input, init);
        return new Response(JSON.stringify({ code: "index.name-unknown", message: "" }), { status: 404 });
      },
    });

    await assert.rejects(unaware.setName("mine", two, { signer }), { code: "index.name-frozen", status: 409 });

    await assert.rejects(client.getName(`${signer.publicKey}/mine`), { code: "index.name-frozen" });
    const { history, evidence } = await client.nameHistory(`${signer.publicKey}/mine`);
    assert.deepEqual([history.length, evidence.map(({ value }) => value)], [1, [one, two]]);
    const [listed] = await client.listNames(signer.publicKey);
    assert.equal(listed?.frozen, true);
  });
});
