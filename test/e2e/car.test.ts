/** CARs between real nodes: what one exports another imports, and what is damaged on the way leaves nothing. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { CarBlockIterator } from "@ipld/car";
import { MiB } from "#runtime/units.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

const launcher = resolve(import.meta.dirname, "../../cepa");
const accept = "application/vnd.ipld.car";

function cepa(node: TestNode, ...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    execFile(launcher, args, { env: { ...process.env, CEPA_DATA: node.dataDirectory } }, (error, out, err) => {
      done({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

describe("cars: between two nodes", () => {
  let source: TestNode;
  let target: TestNode;
  before(async () => {
    [source, target] = await Promise.all([startNode(), startNode()]);
  });
  after(() => Promise.all([source.dispose(), target.dispose()]));

  it("carries an object of any length and chunker to the same address and the same root", async () => {
    for (const [sizeBytes, chunker] of [
      [0, "gear-nc2/1"],
      [1, "fixed/1"],
      [20 * MiB, "gear-nc2/1"],
      [100 * MiB, "gear-fine/1"],
    ] as const) {
      const bytes = randomBytes(sizeBytes, sizeBytes + 1);
      const headers = { "cepa-chunker": chunker };
      const put = await fetch(`${source.url}/put`, { method: "PUT", body: bytes, headers });
      const facts = (await put.json()) as { readonly address: string; readonly manifest: string };
      const file = join(source.dataDirectory, "object.car");

      const exported = await cepa(source, "car", "export", facts.address, "-o", file);
      const imported = await cepa(target, "car", "import", file, "--json");

      assert.deepEqual([exported.code, imported.code, imported.err], [0, 0, ""]);
      const { address, manifest, known } = JSON.parse(imported.out) as typeof facts & { readonly known: boolean };
      assert.deepEqual(
        { address, manifest, known },
        { address: facts.address, manifest: facts.manifest, known: false },
      );
      await mustHold(target.url, bytes);
      let count = 0;
      for await (const _ of await CarBlockIterator.fromBytes(readFileSync(file))) count += 1;
      assert(count > 0, "a public reader reads it");
    }
  });

  it("keeps nothing of one that was damaged or cut on the way, and takes it whole afterwards", async () => {
    const bytes = randomBytes(12 * MiB, 5);
    const { address } = await putObject(source.url, bytes);
    const car = Buffer.from(await (await fetch(`${source.url}/o/${address}`, { headers: { accept } })).arrayBuffer());
    const damaged = Buffer.from(car);
    damaged.writeUInt8(damaged.readUInt8(car.length - 9) ^ 1, car.length - 9);

    for (const body of [damaged, car.subarray(0, car.length - 1), Buffer.concat([car, car])]) {
      const answer = await fetch(`${target.url}/car`, { method: "POST", body });
      const { code } = (await answer.json()) as { readonly code: string };
      assert.deepEqual([answer.status, code], [400, "overlay.car-refused"]);
      assert.equal((await fetch(`${target.url}/stat/${addressOf(bytes)}`)).status, 404);
    }
    assert.equal((await fetch(`${target.url}/car`, { method: "POST", body: car })).status, 201);
    await mustHold(target.url, bytes);
  });

  it("is refused by the command line in one line, with where it is wrong", async () => {
    const file = join(source.dataDirectory, "no.car");
    writeFileSync(file, "hello, this is no CAR at all, and long enough to be read as one");

    const ran = await cepa(target, "car", "import", file);

    assert.equal(ran.code, 1);
    assert.match(ran.err, /^cepa: overlay\.car-refused: [^\n]+ truncated at byte 63\. Nothing was kept\.[^\n]*\n$/);
  });
});
