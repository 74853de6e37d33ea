/** Starting, refusing to start, configuring and stopping the real process tree. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MiB } from "#runtime/units.ts";
import { fillToTheLastByte } from "#test/kit/full-disk.ts";
import { eventually, launchRoot, type Profile, startNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

/** What a root that must not start says, and its exit code. */
async function refusal(
  dataDirectory: string,
  args: readonly string[] = [],
): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = launchRoot(dataDirectory, { args });
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  child.stdout?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  await once(child, "close");
  return { code: child.exitCode, said };
}

describe("lifecycle: down", () => {
  for (const profile of ["tree", "edge", "single"] satisfies Profile[]) {
    it(`exits 0, leaves no process and no socket, and the objects are there the next time (${profile})`, async () => {
      const node = await startNode({ profile });
      const bytes = randomBytes(4 * MiB, 21);
      await putObject(node.url, bytes);
      const record = JSON.parse(readFileSync(join(node.dataDirectory, "node.json"), "utf8")) as Record<string, string>;

      const code = await node.stop();

      assert.equal(code, 0);
      await eventually(2000, "no process is left", () => node.livingPids().length === 0);
      assert.throws(() => readdirSync(record["runDirectory"] ?? "the record names its run directory"), /ENOENT/);
      assert.equal(node.events.at(-1)?.["event"], "shutdown");
      const again = await startNode({ profile, dataDirectory: node.dataDirectory });
      await mustHold(again.url, bytes);
      await again.dispose();
    });
  }

  it("lets an upload under way finish, and refuses a new one", async () => {
    const node = await startNode();
    const bytes = randomBytes(6 * MiB, 22);
    let release = (): void => undefined;
    const gate = new Promise<void>((open) => {
      release = open;
    });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 3 * MiB));
        await gate;
        controller.enqueue(bytes.subarray(3 * MiB));
        controller.close();
      },
    });
    const upload = fetch(`${node.url}/put`, { method: "PUT", body, duplex: "half" } as RequestInit);
    await eventually(5000, "the upload is under way", async () => {
      const status = (await (await fetch(`${node.url}/status`)).json()) as { gateway: { openRequestCount: number } };
      return status.gateway.openRequestCount === 2; // The upload, and this question.
    });

    const stopping = node.stop();
    await eventually(5000, "new connections are refused", async () => {
      try {
        return (await fetch(`${node.url}/put`, { method: "PUT", body: "late" })).status === 503;
      } catch {
        return true;
      }
    });
    release();

    assert.equal((await upload).status, 201);
    assert.equal(await stopping, 0);
    const again = await startNode({ dataDirectory: node.dataDirectory });
    await mustHold(again.url, bytes);
    await again.dispose();
  });
});

describe("lifecycle: a second node", () => {
  it("is refused on the same data directory, by name and pid, and the first goes on", async () => {
    const node = await startNode();

    const { code, said } = await refusal(node.dataDirectory);

    assert.equal(code, 1);
    assert(said.includes(String(node.process.pid)), `names the pid: ${said}`);
    assert(said.includes(node.dataDirectory), `names the directory: ${said}`);
    assert.equal((await fetch(`${node.url}/healthz`)).status, 200);
    await node.dispose();
  });

  it("starts, exactly one of two that are launched at once", async () => {
    const dataDirectory = temporaryDataDirectory();
    const both = await Promise.allSettled([startNode({ dataDirectory }), startNode({ dataDirectory })]);

    const started = both.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));

    assert.equal(started.length, 1);
    await started[0]?.dispose();
  });
});

describe("lifecycle: bad input", () => {
  it("refuses a configuration that does not parse, with the line", async () => {
    const dataDirectory = temporaryDataDirectory();
    writeFileSync(join(dataDirectory, "cepa.toml"), "[storage]\nthis is not toml\n");

    const { code, said } = await refusal(dataDirectory);

    assert.equal(code, 1);
    assert.match(said, /config/);
    assert.match(said, /line 2|:2/);
    rmSync(dataDirectory, { recursive: true });
  });

  for (const [name, place, kind] of [
    ["store.lock", mkdirSync, "file"],
    ["packs", (path: string) => writeFileSync(path, "mine"), "directory"],
  ] as const) {
    for (const profile of ["tree", "single"] as const) {
      it(`says in one line that ${name} is not a ${kind}, and ends (${profile})`, async () => {
        const dataDirectory = temporaryDataDirectory();
        place(join(dataDirectory, name));

        const { code, said } = await refusal(dataDirectory, ["--profile", profile]);

        assert.equal(code, 1);
        const path = join(dataDirectory, name);
        const lines = said.split("\n").filter((line) => line.startsWith("cepa: "));
        assert.deepEqual(lines, [
          `cepa: supervisor.cannot-run: ${path} is not a ${kind}: put back what belongs there, or remove it`,
        ]);
        rmSync(dataDirectory, { recursive: true });
      });
    }
  }

  for (const profile of ["tree", "single"] as const) {
    it(`says in one line that the credentials of a bucket are missing, and ends (${profile})`, async () => {
      const dataDirectory = temporaryDataDirectory();
      mkdirSync(dataDirectory, { recursive: true });
      writeFileSync(join(dataDirectory, "cepa.toml"), '[storage]\ns3 = "http://127.0.0.1:1/packs"\n');

      const { code, said } = await refusal(dataDirectory, ["--profile", profile]);

      assert.equal(code, 1);
      const lines = said.split("\n").filter((line) => line.startsWith("cepa: "));
      const problem = "there are no credentials for http://127.0.0.1:1/packs (storage.s3)";
      const advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of cepa up";
      assert.deepEqual(lines, [`cepa: supervisor.cannot-run: ${problem}: ${advice}`]);
      rmSync(dataDirectory, { recursive: true });
    });
  }

  it("refuses a public bind without --insecure-public, and unknown options with exit code 2", async () => {
    const dataDirectory = temporaryDataDirectory();

    const publicBind = await refusal(dataDirectory, ["--http", "0.0.0.0:0"]);
    const unknown = await refusal(dataDirectory, ["--frobnicate"]);

    assert.equal(publicBind.code, 2);
    assert.match(publicBind.said, /insecure-public/);
    assert.equal(unknown.code, 2);
    assert.match(unknown.said, /frobnicate/);
    rmSync(dataDirectory, { recursive: true });
  });

  it("refuses a data directory that cannot be written", async () => {
    const { code, said } = await refusal("/proc/cepa-cannot-be-here");

    assert.equal(code, 1);
    assert.match(said, /\/proc\/cepa-cannot-be-here/);
  });
});

describe("lifecycle: configuration", () => {
  it("takes a change without a restart, and keeps the old one when a cell refuses the next", async () => {
    const dataDirectory = temporaryDataDirectory();
    const file = join(dataDirectory, "cepa.toml");
    writeFileSync(file, '[storage]\nobjectSizeBytesMax = "64MiB"\n');
    const node = await startNode({ dataDirectory });
    const put = (sizeBytes: number): Promise<number> =>
      fetch(`${node.url}/put`, { method: "PUT", body: randomBytes(sizeBytes, 1) as Uint8Array<ArrayBuffer> }).then(
        (response) => response.status,
      );
    const before = await put(3 * MiB);

    writeFileSync(file, '[storage]\nobjectSizeBytesMax = "2MiB"\n');
    await eventually(10_000, "the change is in force", () =>
      node.events.some(({ event }) => event === "config-updated"),
    );
    const after = await put(4 * MiB);
    writeFileSync(file, '[storage]\nobjectSizeBytesMax = "twelve"\n');
    await eventually(10_000, "the bad change is refused", () =>
      node.events.some(({ event }) => event === "config-refused"),
    );
    const stillAfter = [await put(5 * MiB), await put(1 * MiB)];

    assert.deepEqual([before, after, ...stillAfter], [201, 413, 413, 201]);
    const refused = node.events.find(({ event }) => event === "config-refused");
    assert.match(JSON.stringify(refused), /objectSizeBytesMax/);
    await node.dispose();
  });
});

describe("lifecycle: a lost index", () => {
  it("is rebuilt from the packs when the caches are deleted", async () => {
    const node = await startNode();
    const objects = Array.from({ length: 30 }, (_, index) => randomBytes(1 + index * 70_001, 300 + index));
    await Promise.all(objects.map((bytes) => putObject(node.url, bytes)));
    await node.stop();
    rmSync(join(node.dataDirectory, "index"), { recursive: true });
    rmSync(join(node.dataDirectory, "catalog"), { recursive: true });

    const again = await startNode({ dataDirectory: node.dataDirectory });

    await eventually(10_000, "everything is served again", async () => {
      for (const bytes of objects) await mustHold(again.url, bytes);
      return true;
    });
    await again.dispose();
  });
});

describe("lifecycle: damage and want of room", () => {
  it("answers 502 or cuts the connection for a flipped byte, and heals when the object is put again", async () => {
    const node = await startNode();
    const bytes = randomBytes(6 * MiB, 31);
    const { address } = await putObject(node.url, bytes);
    await node.stop();
    const packs = join(node.dataDirectory, "packs");
    const [pack] = readdirSync(packs).filter((name) => name.endsWith(".pack"));
    assert(pack !== undefined);
    const file = readFileSync(join(packs, pack));
    const at = file.indexOf(bytes.subarray(3 * MiB, 3 * MiB + 64));
    assert(at > 0, "the payload lies in the pack as it is");
    file[at + 10] = (file[at + 10] ?? 0) ^ 1;
    writeFileSync(join(packs, pack), file);

    const again = await startNode({ dataDirectory: node.dataDirectory });
    const whole = await fetch(`${again.url}/o/${address}`)
      .then(async (response) => ({ status: response.status, size: (await response.arrayBuffer()).byteLength }))
      .catch(() => "cut");
    const later = await fetch(`${again.url}/o/${address}`).then(
      (response) => response.status,
      () => "cut",
    );
    await putObject(again.url, bytes);

    assert(whole === "cut" || (typeof whole === "object" && whole.status === 502), JSON.stringify(whole));
    assert(later === 502 || later === "cut", String(later));
    await mustHold(again.url, bytes);
    await again.dispose();
  });

  it("answers 507 on a full disk, serves reads, and takes writes again when there is room", async () => {
    const dataDirectory = temporaryDataDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=160m", "tmpfs", dataDirectory]);
    try {
      const node = await startNode({ dataDirectory, args: ["--config", writeSmallReserve(dataDirectory)] });
      const kept = randomBytes(2 * MiB, 41);
      await putObject(node.url, kept);
      const ballast = join(dataDirectory, "ballast");
      const filled = await fillUntilRefused(node.url);

      await mustHold(node.url, kept);
      writeFileSync(ballast, "");
      const closed = await fetch(`${node.url}/put`, {
        method: "PUT",
        body: randomBytes(40 * MiB, 42) as Uint8Array<ArrayBuffer>,
      });
      execFileSync("mount", ["-o", "remount,size=400m", dataDirectory]);
      await eventually(10_000, "writes are taken again", async () => {
        await putObject(node.url, randomBytes(40 * MiB, 43));
        return true;
      });

      assert.deepEqual([filled, closed.status], [507, 507]);
      await mustHold(node.url, kept);
      await node.stop();
    } finally {
      execFileSync("umount", ["-l", dataDirectory]);
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });

  it("reads on when its data cell and its root are killed on a disk without a free byte, and recovers", async () => {
    const dataDirectory = temporaryDataDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=420m", "tmpfs", dataDirectory]);
    const ballast = join(dataDirectory, "ballast");
    let pids = (): readonly number[] => [];
    try {
      const node = await startNode({ dataDirectory });
      pids = () => node.livingPids();
      const kept = [randomBytes(6 * MiB, 51), randomBytes(3000, 52)];
      for (const bytes of kept) await putObject(node.url, bytes);
      fillToTheLastByte(ballast);

      process.kill(node.ready.cells["data"] ?? 0, "SIGKILL");

      await servesReadsOnly(node.url, kept);
      await eventually(5000, "storage says that it is degraded", async () => {
        return (await node.actor("storage")).state === "degraded";
      });

      for (const lost of [[], ["catalog", "index"]]) {
        await node.killAll();
        for (const name of ["node.json", ...lost]) rmSync(join(dataDirectory, name), { recursive: true, force: true });
        fillToTheLastByte(`${ballast}-${lost.length}`);
        // What a process that was killed held of removed files may be free only some time after it is gone.
        await sleep(200);
        fillToTheLastByte(`${ballast}-${lost.length}`);

        const { url, said } = await startUnrecorded(dataDirectory);

        await servesReadsOnly(url, kept);
        if (lost.length === 0) continue;
        for (const file of [ballast, `${ballast}-0`, `${ballast}-2`]) rmSync(file, { force: true });
        await eventually(10_000, "writes are taken again", async () => {
          await putObject(url, randomBytes(5 * MiB, 53));
          return true;
        });
        await eventually(20_000, "it says that it is ready, and is recorded", () =>
          ["ready", "recorded"].every((event) => said().includes(`{"event":"${event}"`)),
        );
        for (const bytes of kept) await mustHold(url, bytes);
      }
    } finally {
      for (const pid of pids()) process.kill(pid, "SIGKILL");
      execFileSync("umount", ["-l", dataDirectory]);
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

/** Everything is served, nothing is taken, and it says so. */
async function servesReadsOnly(url: string, kept: readonly Uint8Array[]): Promise<void> {
  await eventually(15_000, "what is kept is served", async () => {
    for (const bytes of kept) await mustHold(url, bytes);
    return true;
  });
  // What the gateway knows of the others lags behind by a status interval.
  await eventually(5000, "it says so", async () => (await fetch(`${url}/readyz?for=reads`)).status === 200);
  const body = randomBytes(70_000, 54) as Uint8Array<ArrayBuffer>;
  assert.equal((await fetch(`${url}/put`, { method: "PUT", body })).status, 507);
}

/** A root that cannot write where clients find it, and says it instead. */
async function startUnrecorded(dataDirectory: string): Promise<{ readonly url: string; readonly said: () => string }> {
  const child = launchRoot(dataDirectory);
  let said = "";
  child.stdout?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  let url = "";
  await eventually(30_000, "it says where it is", () => {
    url = /"event":"not-recorded","http":"([^"]+)"/.exec(said)?.[1] ?? "";
    return url !== "";
  });
  return { url, said: () => said };
}

function writeSmallReserve(dataDirectory: string): string {
  const file = join(dataDirectory, "small.toml");
  writeFileSync(file, '[storage]\nreserveBytes = "16MiB"\n');
  return file;
}

async function fillUntilRefused(url: string): Promise<number> {
  for (let seed = 0; seed < 40; seed += 1) {
    const body = randomBytes(12 * MiB, 5000 + seed) as Uint8Array<ArrayBuffer>;
    const { status } = await fetch(`${url}/put`, { method: "PUT", body });
    if (status !== 201) return status;
  }
  return 201;
}
