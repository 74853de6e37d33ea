/** A node of which a byte in a journal turned while it was down. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { eventually, launchRoot, startNode } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

/** Turns a byte of the first batch of the only file. */
function turnByte(directory: string): void {
  const [name] = readdirSync(directory);
  assert(name !== undefined, "there is a journal");
  const bytes = readFileSync(join(directory, name));
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
  writeFileSync(join(directory, name), bytes);
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly message: string;
}

async function refusalOf(url: string, init: RequestInit = {}): Promise<Refusal> {
  const answer = await fetch(url, init);
  return { ...((await answer.json()) as Omit<Refusal, "status">), status: answer.status };
}

interface Degraded {
  readonly url: string;
  stop(): Promise<void>;
}

/** A node that serves what it can, and is not ready. */
async function startDegraded(dataDirectory: string): Promise<Degraded> {
  const child = launchRoot(dataDirectory);
  let url = "";
  await eventually(30_000, "it serves, and is not ready", async () => {
    url = (JSON.parse(readFileSync(join(dataDirectory, "node.json"), "utf8")) as { readonly http: string }).http;
    const [all, reads] = [await fetch(`${url}/readyz`), await fetch(`${url}/readyz?for=reads`)];
    return all.status === 503 && (await all.text()).includes("is damaged at byte 32") && reads.status === 200;
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  };
  return { url, stop };
}

it("journal of what was removed: objects are read, what was removed is not, and all else is refused (STO-96)", async (test) => {
  let node = await startNode();
  let degraded: Degraded | undefined;
  test.after(async () => {
    await degraded?.stop();
    await node.dispose();
  });
  const { dataDirectory } = node;
  const [kept, gone] = [randomBytes(300_000, 1), randomBytes(300_000, 2)];
  for (const bytes of [kept, gone]) await putObject(node.url, bytes);
  for (const bytes of [randomBytes(10, 3), gone]) {
    await putObject(node.url, bytes);
    assert.equal((await fetch(`${node.url}/o/${addressOf(bytes)}`, { method: "DELETE" })).status, 200);
  }
  await node.stop();
  turnByte(join(dataDirectory, "keeps"));

  degraded = await startDegraded(dataDirectory);

  const { url } = degraded;
  await mustHold(url, kept);
  const refusals = [
    await refusalOf(`${url}/o/${addressOf(gone)}`),
    await refusalOf(`${url}/put`, { method: "PUT", body: "more" }),
    await refusalOf(`${url}/o/${addressOf(kept)}`, { method: "DELETE" }),
  ];
  for (const { status, code, retryable, message } of refusals) {
    assert.deepEqual([status, code, retryable], [503, "storage.journal-damaged", false]);
    assert.match(message, /^The journal keeps\/0{11}1\.log is damaged at byte 32: .* Stop the node and /);
  }

  await degraded.stop();
  renameSync(join(dataDirectory, "keeps"), join(dataDirectory, "keeps.damaged"));
  node = await startNode({ dataDirectory });
  await node.becomesReady();
  await mustHold(node.url, kept);
});

it("journal of uploads in pieces: they are refused in words, and everything else goes on (STO-97)", async (test) => {
  const node = await startNode();
  let degraded: Degraded | undefined;
  test.after(async () => {
    await degraded?.stop();
    await node.dispose();
  });
  const { dataDirectory } = node;
  const tus = { "tus-resumable": "1.0.0", "upload-length": "10" };
  const begun = await fetch(`${node.url}/uploads`, { method: "POST", headers: tus });
  await fetch(`${node.url}/uploads`, { method: "POST", headers: tus });
  await node.stop();
  turnByte(join(dataDirectory, "staging", "journal"));

  degraded = await startDegraded(dataDirectory);

  const { url } = degraded;
  const { status, code, retryable, message } = await refusalOf(`${url}/uploads`, { method: "POST", headers: tus });
  assert.deepEqual([status, code, retryable], [503, "storage.journal-damaged", false]);
  assert.match(message, /^The journal staging\/journal\/0{11}1\.log is damaged at byte 32: .* Stop the node and /);
  const upload = new URL(begun.headers.get("location") ?? "", url);
  assert.equal((await fetch(upload, { method: "HEAD", headers: tus })).status, 503);
  const bytes = randomBytes(1000, 1);
  await putObject(url, bytes);
  await mustHold(url, bytes);
});
