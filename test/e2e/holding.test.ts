/** What is removed, restored, held for a time and collected, on a real node, over its crash. */
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { KiB, MiB } from "#runtime/units.ts";
import { cepa, type Ran } from "#test/cli/run.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, randomBytes } from "#test/kit/objects.ts";

interface Report {
  readonly freedBytes: number;
  readonly removedCount: number;
  readonly buriedCount: number;
  readonly blocked?: string;
}

describe("node: holding objects", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.dispose());

  async function run(...args: readonly string[]): Promise<Ran> {
    return await cepa(args, { env: { CEPA_DATA: node.dataDirectory } });
  }

  async function put(bytes: Uint8Array, ...options: readonly string[]): Promise<string> {
    const stored = await cepa(["put", "-", ...options], { env: { CEPA_DATA: node.dataDirectory }, input: bytes });
    assert.equal(stored.stdout.trim(), addressOf(bytes), stored.stderr);
    return stored.stdout.trim();
  }

  async function collect(...options: readonly string[]): Promise<Report> {
    const ran = await run("gc", "--json", ...options);
    assert.equal(ran.code, 0, ran.stderr);
    return JSON.parse(ran.stdout) as Report;
  }

  function storedBytes(): number {
    const packs = join(node.dataDirectory, "packs");
    return readdirSync(packs).reduce((sum, name) => sum + statSync(join(packs, name)).size, 0);
  }

  it("removes and restores, lists the trash, and gives the bytes back to the disk when it is emptied", async () => {
    const [large, small] = [randomBytes(20 * MiB, 1), randomBytes(100 * KiB, 2)];
    const [gone, kept] = [await put(large), await put(small)];

    assert.match((await run("rm", gone)).stdout, /removed, can be restored until 2/);
    assert.match((await run("get", gone)).stderr, /overlay\.unknown/);
    assert.match((await run("trash")).stdout, new RegExp(`^${gone}  ${20 * MiB}  until `));
    assert.equal((await run("restore", gone)).code, 0);
    assert.equal((await run("get", gone)).stdout.length > 0, true);
    assert.equal((await run("rm", gone)).code, 0);
    const before = storedBytes();
    const report = await collect("--empty-trash");

    assert.equal(report.blocked, undefined);
    assert.equal(report.buriedCount, 1);
    assert(report.freedBytes >= 20 * MiB, JSON.stringify(report));
    await eventually(10_000, "the bytes are given back", () => storedBytes() < before - 19 * MiB);
    assert.match((await run("restore", gone)).stderr, /storage\.not-in-trash/);
    const du = await run("du", "--json");
    assert.equal((JSON.parse(du.stdout) as { objectCount: number }).objectCount, 1);
    const got = await fetch(`${node.url}/o/${kept}`);
    assert(Buffer.from(await got.arrayBuffer()).equals(small));
  });

  it("forgets nothing of it when the data cell is killed", async () => {
    const [removed, pinned] = [await put(randomBytes(5000, 3)), await put(randomBytes(5000, 4), "--for", "1s")];
    assert.equal((await run("pin", pinned)).code, 0);
    assert.equal((await run("rm", removed)).code, 0);
    assert.equal((await run("kill", "cell/data")).code, 0);
    await eventually(20_000, "writes are open", async () => (await fetch(`${node.url}/readyz`)).status === 200);
    await collect();

    assert.match((await run("stat", removed)).stderr, /overlay\.unknown/);
    assert.equal((await run("stat", pinned)).code, 0);
    assert.equal((await run("restore", removed)).code, 0);
    assert.equal((await run("stat", removed)).code, 0);
  });

  it("collects what was put for a time when that is over, and what was let go", async () => {
    const timed = await put(randomBytes(5000, 5), "--for", "1s");
    const loose = await put(randomBytes(5000, 6));
    assert.equal((await run("unpin", loose)).code, 0);
    await eventually(20_000, "it is collected", async () => {
      await collect();
      return (await fetch(`${node.url}/o/${timed}`)).status === 404;
    });

    assert.equal((await fetch(`${node.url}/o/${loose}`)).status, 404);
    const trash = await run("trash", "--json");
    const listed = trash.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { address: string }).address);
    assert(listed.includes(timed) && listed.includes(loose));
  });

  it("holds, removes and restores an object by the root of its manifest as by its address", async () => {
    const bytes = randomBytes(5000, 8);
    const address = await put(bytes, "--for", "1s");
    const { manifest } = (await (await fetch(`${node.url}/stat/${address}`)).json()) as { manifest: string };
    const link = `cepa:${manifest}`;
    const isServed = async (): Promise<readonly boolean[]> => {
      const paths = [`/o/${address}`, `/stat/${address}`, `/m/${manifest}`, `/m/${manifest}/data`];
      return await Promise.all(paths.map(async (path) => (await fetch(`${node.url}${path}`)).ok));
    };
    const other = await put(randomBytes(5000, 9), "--for", "1s");

    assert.match((await run("pin", link)).stdout, /pinned$/m);
    await eventually(20_000, "what was put for a time is collected", async () => {
      await collect();
      return (await fetch(`${node.url}/o/${other}`)).status === 404;
    });
    assert.deepEqual(await isServed(), [true, true, true, true]);

    assert.match((await run("rm", link)).stdout, /removed, can be restored until 2/);
    assert.deepEqual(await isServed(), [false, false, false, false]);
    assert.equal((await run("restore", address)).code, 0);
    assert.equal((await run("rm", address)).code, 0);
    assert.equal((await run("restore", link)).code, 0);
    assert.deepEqual(await isServed(), [true, true, true, true]);

    assert.equal((await run("unpin", link)).code, 0);
    await collect();
    assert.deepEqual(await isServed(), [false, false, false, false]);
  });

  it("holds on to the object of a root that a name leads to (OVL-18)", async () => {
    const address = await put(randomBytes(5000, 10), "--for", "1s");
    const { manifest } = (await (await fetch(`${node.url}/stat/${address}`)).json()) as { manifest: string };
    const other = await put(randomBytes(5000, 11), "--for", "1s");
    const key = join(node.dataDirectory, "name.key");

    const named = await run("name", "set", "site", `cepa:${manifest}`, "--key", key, "--new-key");
    assert.equal(named.code, 0, named.stderr);
    await eventually(20_000, "what was put for a time is collected", async () => {
      await collect();
      return (await fetch(`${node.url}/o/${other}`)).status === 404;
    });

    assert.equal((await fetch(`${node.url}/o/${address}`)).status, 200);
  });

  it("finds the byte that has turned on the disk, names the object, and finds it well when it was put again", async () => {
    const bytes = randomBytes(3 * MiB, 7);
    const address = await put(bytes);
    assert.equal((await run("scrub", "--now")).code, 0);
    const { pack, position } = find(bytes.subarray(2 * MiB, 2 * MiB + 64));
    turnByte(pack, position);

    const scrubbed = await run("scrub", "--now");

    assert.equal(scrubbed.code, 1);
    assert.match(scrubbed.stdout, new RegExp(`^damaged  ${address}$`, "m"));
    await put(bytes);
    const { damaged } = JSON.parse((await run("scrub", "--now", "--json")).stdout) as { damaged: unknown[] };
    assert.deepEqual(damaged, []);
  });

  function find(part: Uint8Array): { readonly pack: string; readonly position: number } {
    const packs = join(node.dataDirectory, "packs");
    for (const name of readdirSync(packs)) {
      const position = readFileSync(join(packs, name)).indexOf(part);
      if (position >= 0) return { pack: join(packs, name), position };
    }
    assert.fail("the bytes are in a pack");
  }

  function turnByte(path: string, position: number): void {
    const descriptor = openSync(path, "r+");
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, position);
    byte.writeUInt8(byte.readUInt8(0) ^ 1);
    writeSync(descriptor, byte, 0, 1, position);
    closeSync(descriptor);
  }

  it("has no volumes unless some are configured, and nothing to repair", async () => {
    const listed = await run("volumes");
    const repaired = await run("repair", "--now", "--watch", "--json");

    assert.deepEqual([listed.code, listed.stderr], [0, ""]);
    assert.match(listed.stdout, /^no volumes: .*\n.*storage\.volumes/);
    assert.deepEqual([repaired.code, repaired.stderr], [0, ""]);
    const { state, backlogCount, lostCount } = JSON.parse(repaired.stdout.trim().split("\n").at(-1) ?? "");
    assert.deepEqual({ state, backlogCount, lostCount }, { state: "idle", backlogCount: 0, lostCount: 0 });
    const order = await fetch(`${node.url}/repair?action=stop`, { method: "POST" });
    assert.deepEqual([order.status, ((await order.json()) as { code: string }).code], [400, "gateway.bad-action"]);
  });

  it("says what is wrong with a command line", async () => {
    for (const args of [
      ["rm"],
      ["rm", "b3:x"],
      ["put", "x", "--for", "7"],
      ["pin", addressOf(Buffer.from("x")), "--for", "0s"],
    ]) {
      assert.equal((await run(...args)).code, 2, args.join(" "));
    }
    const unknown = await run("rm", addressOf(Buffer.from("x")), addressOf(Buffer.from("y")));
    assert.equal(unknown.code, 1);
    assert.equal(unknown.stderr.match(/overlay\.unknown: b3:/g)?.length, 2, unknown.stderr);
  });
});
