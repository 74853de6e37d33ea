/**
 * Amnesia mode on the real process tree: nothing reaches a disk while it runs, and nothing is left in memory when it has
 * ended, however it ended.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { Upload } from "tus-js-client";
import { memoryHome } from "#runtime/config/memory-home.ts";
import { MiB } from "#runtime/units.ts";
import { MEMORY_HOME_BYTES_MIN } from "#supervisor/root/amnesia.ts";
import { realMachine } from "#supervisor/root/real-machine.ts";
import { cepa } from "#test/cli/run.ts";
import { MemoryMounts, readTrace, traceTo } from "#test/kit/file-trace.ts";
import { eventually, type Profile, startNode, type TestNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";
import { provideStrace } from "#test/kit/provide.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const launcher = resolve(import.meta.dirname, "../../cepa");
const machine = realMachine(launcher);
/** The machine that the suite runs on may have what a node refuses; the refusal has a test of its own. */
const env = { CEPA_NODE_ALLOW_SWAP: "true" };
const memory = hasRoom() ? false : `/dev/shm is not ${MEMORY_HOME_BYTES_MIN / MiB} MiB of memory on this machine`;
const traced = memory || ((await provideStrace()) ?? false);

async function started(context: TestContext, options: Parameters<typeof startNode>[0] = {}): Promise<TestNode> {
  const node = await startNode({ args: ["--amnesia"], env, ...options });
  context.after(() => node.dispose());
  return node;
}

function upload(url: string, bytes: Buffer): Promise<string | undefined> {
  return new Promise((done, failed) => {
    new Upload(bytes as unknown as Blob, {
      endpoint: `${url}/uploads/`,
      chunkSize: 2 * MiB,
      onSuccess: ({ lastResponse }) => done(lastResponse.getHeader("cepa-address")),
      onError: failed,
    }).start();
  });
}

describe("amnesia: while it runs (AMN-1)", () => {
  it("opens no file for writing, and changes no name, outside of memory", { skip: traced }, async (context) => {
    const scratch = await tempDirectory(context);
    const [dataDirectory, trace, folder] = [join(scratch, "data"), join(scratch, "trace"), join(scratch, "files")];
    mkdirSync(join(folder, "inner"), { recursive: true });
    writeFileSync(join(folder, "inner", "one"), "one");
    writeFileSync(join(folder, "two"), randomBytes(3 * MiB, 2));
    const [tracer = "", ...first] = traceTo(trace);
    const node = await started(context, { dataDirectory, command: [tracer, ...first, launcher, "up"] });
    const run = async (...args: readonly string[]): Promise<string> => {
      const ran = await cepa([...args, "--data", dataDirectory], { env: { XDG_CONFIG_HOME: scratch } });
      assert.equal(ran.code, 0, ran.stderr);
      return ran.stdout;
    };
    const small = randomBytes(1000, 3);
    const large = randomBytes(40 * MiB, 4);
    const pieces = randomBytes(5 * MiB + 1, 5);

    for (const bytes of [small, large]) await putObject(node.url, bytes);
    assert.equal(await upload(node.url, pieces), addressOf(pieces));
    const tree = (await run("put", "-r", folder)).trim();
    await run("name", "set", "site", addressOf(small));
    await node.killCell("data");
    for (const bytes of [small, large, pieces]) await mustHold(node.url, bytes);
    await run("get", "-r", tree, "-o", join(scratch, "copy"));
    assert.match(await run("name", "get", "site"), new RegExp(addressOf(small)));
    await run("rm", addressOf(large));
    await run("gc", "--empty-trash");
    await run("scrub", "--now");
    assert.match(await run("status"), /^amnesia +true$/m);
    assert.match(await run("ps"), /storage +running/);
    assert.match(await run("logs"), /"event":"root\.started".*"event":"packs recovered","cell":"data"/s);
    assert.equal((await fetch(`${node.url}/metrics`).then((page) => page.text())).includes("amnesia_mode"), true);
    await run("down");
    await eventually(15_000, "the tracer has ended", () => node.process.exitCode !== null);

    const seen = readTrace(trace);
    const inMemory = seen.changes.filter(({ path }) => path.startsWith(node.home)).length;
    context.diagnostic(
      `${seen.callCount} calls of ${seen.threadCount} processes and threads were looked at: ` +
        `${seen.changes.length} changed something, ${inMemory} of them in ${node.home}`,
    );
    assert.deepEqual(new MemoryMounts().strays(seen), []);
    assert(inMemory > 100, "the node was seen at work");
    assert.deepEqual([existsSync(dataDirectory), existsSync(node.home)], [false, false]);
  });

  for (const profile of ["edge", "single"] satisfies Profile[]) {
    it(`does so in every profile (${profile})`, { skip: traced }, async (context) => {
      const trace = join(await tempDirectory(context), "trace");
      const [tracer = "", ...first] = traceTo(trace);
      const node = await started(context, { profile, command: [tracer, ...first, launcher, "up"] });

      await putObject(node.url, randomBytes(3 * MiB, 10));
      await node.admin("down");
      await eventually(15_000, "the tracer has ended", () => node.process.exitCode !== null);

      const seen = readTrace(trace);
      assert.deepEqual(new MemoryMounts().strays(seen), []);
      assert(
        seen.changes.some(({ path }) => path.startsWith(`${node.home}/packs/`)),
        "the node was seen at work",
      );
    });
  }

  it("dumps no memory when one of its processes crashes, and hands none on", { skip: memory }, async (context) => {
    const node = await started(context);

    const limits = node.livingPids().map((pid) => coreLimitOf(pid));

    assert(limits.length >= 3, "the root and its cells are there");
    assert(
      limits.every((bytes) => bytes < 4096),
      String(limits),
    );
  });
});

describe("amnesia: at the end (AMN-2)", { skip: memory }, () => {
  it("leaves nothing in memory, and zeros where its bytes were", async (context) => {
    const node = await started(context);
    await putObject(node.url, randomBytes(9 * MiB, 6));
    const packs = join(node.home, "packs");
    const held = readdirSync(packs).map((name) => openSync(join(packs, name), "r"));

    assert.equal(await node.stop(), 0);

    assert.equal(existsSync(node.home), false);
    assert.deepEqual(readdirSync(node.dataDirectory), []);
    const sizes = held.map((descriptor) => zerosOf(descriptor));
    assert(Math.max(...sizes) >= 9 * MiB, String(sizes));
  });

  it("leaves nothing when a second signal ends it", async (context) => {
    const node = await started(context);
    // The way down has to wait for it.
    const put = request(`${node.url}/put`, { method: "PUT", headers: { "content-length": 2 * MiB } });
    put.on("error", () => undefined);
    await new Promise<void>((sent) => put.write(randomBytes(MiB, 9), () => sent()));

    node.process.kill("SIGTERM");
    await eventually(5000, "it is on its way down", () => node.events.some(({ event }) => event === "shutting-down"));
    assert.notEqual(await node.stop(), null);

    assert.equal(existsSync(node.home), false);
  });

  it("killed with all its processes, is forgotten by the next start, of its name or of another", async (context) => {
    const bytes = randomBytes(2 * MiB, 7);
    const dataDirectory = temporaryDataDirectory();
    const one = await started(context, { dataDirectory });
    const other = await started(context);
    for (const node of [one, other]) {
      await putObject(node.url, bytes);
      await node.killAll();
    }
    assert.deepEqual([existsSync(one.home), existsSync(other.home)], [true, true]);

    const next = await started(context, { dataDirectory });

    const { status } = await fetch(`${next.url}/o/${addressOf(bytes)}`);
    const isOtherThere = existsSync(other.home);
    // Before the first of its name is looked after.
    await next.stop();

    assert.deepEqual([next.home, status, isOtherThere], [one.home, 404, false]);
  });

  it("leaves alone what a living node has, and is refused under its name", async (context) => {
    const bytes = randomBytes(1000, 8);
    const living = await started(context);
    await putObject(living.url, bytes);

    const beside = await started(context);
    const refusal = new RegExp(`lock.taken.*in amnesia mode .process ${living.ready.pid}. already runs`);
    const { dataDirectory } = living;

    await Promise.all([
      assert.rejects(startNode({ args: ["--amnesia"], env, dataDirectory }), refusal),
      assert.rejects(startNode({ env, dataDirectory }), refusal),
    ]);

    assert.notEqual(beside.home, living.home);
    await mustHold(living.url, bytes);
  });
});

describe("amnesia: who asks for it (AMN-3)", { skip: memory }, () => {
  let dataDirectory: string;
  before(() => {
    dataDirectory = temporaryDataDirectory();
    writeFileSync(join(dataDirectory, "cepa.toml"), "[node]\namnesia = true\n");
  });

  it("may be the configuration, which stays where it is and alone", async (context) => {
    const node = await started(context, { dataDirectory, args: [], env });

    const status = (await (await fetch(`${node.url}/status`)).json()) as { amnesia: boolean };
    await node.stop();

    assert.equal(status.amnesia, true);
    assert.deepEqual(readdirSync(dataDirectory), ["cepa.toml"]);
  });

  it("cannot have packs in a bucket as well, and leaves nothing of the attempt", async () => {
    const place = temporaryDataDirectory();
    const userId = process.getuid?.() ?? 0;
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    const home = memoryHome("/dev/shm", { dataDirectory: place, runtimeDirectory: undefined, userId, digest });
    const bucket = { ...env, CEPA_STORAGE_S3: "http://127.0.0.1:1/bucket" };

    const refused = startNode({ args: ["--amnesia"], dataDirectory: place, env: bucket });

    await assert.rejects(refused, /config\.invalid.*storage\.s3 is not for amnesia mode/);
    assert.deepEqual([existsSync(home), readdirSync(place)], [false, []]);
  });
});

describe("amnesia: a node that keeps what it has", () => {
  it("says so, and where its logs are", async (context) => {
    const node = await startNode();
    context.after(() => node.dispose());

    const status = (await (await fetch(`${node.url}/status`)).json()) as { amnesia: boolean };
    const logs = await cepa(["logs", "--data", node.dataDirectory]);

    assert.equal(status.amnesia, false);
    assert.deepEqual([logs.code, logs.stdout], [1, ""]);
    assert.match(logs.stderr, /supervisor\.logs-in-files.*\/logs/);
  });
});

function coreLimitOf(pid: number): number {
  const [, soft = ""] = /^Max core file size +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8")) ?? [];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/** The size of the file, which is nothing but zeros, whatever became of its name. */
function zerosOf(descriptor: number): number {
  const { size } = fstatSync(descriptor);
  const bytes = Buffer.alloc(size);
  readSync(descriptor, bytes, 0, size, 0);
  closeSync(descriptor);
  assert.equal(bytes.equals(Buffer.alloc(size)), true, "it is overwritten");
  return size;
}

function hasRoom(): boolean {
  if (!machine.isMemory("/dev/shm")) return false;
  const { bavail, bsize } = statfsSync("/dev/shm");
  return bavail * bsize >= MEMORY_HOME_BYTES_MIN;
}
