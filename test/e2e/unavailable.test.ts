/** A part of the node that does not come up and that the node can do without. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { placesOf } from "#supervisor/root/places.ts";
import { eventually, startNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { mustHold, putObject, randomBytes } from "#test/kit/objects.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

interface Said {
  readonly unavailable: readonly { readonly actor: string; readonly reason: string }[];
}

async function statusOf(url: string): Promise<Said> {
  return (await (await fetch(`${url}/status`)).json()) as Said;
}

describe("unavailable: the ops cell does not start (SUP-20)", () => {
  it("leaves a node that is ready, serves, and says what is missing and why, until it comes up", async (context) => {
    const dataDirectory = temporaryDataDirectory();
    const runtimeDirectory = await tempDirectory(context);
    const { run } = placesOf({
      amnesia: false,
      dataDirectory,
      runtimeDirectory,
      userId: process.getuid?.() ?? 0,
      digest: (text) => createHash("sha256").update(text).digest("hex"),
    });
    // What lies where its socket should be keeps the cell from starting, whatever rights it has.
    const obstacle = join(run, "ops.sock");
    mkdirSync(join(obstacle, "inside"), { recursive: true, mode: 0o700 });
    const node = await startNode({ dataDirectory, env: { XDG_RUNTIME_DIR: runtimeDirectory } });
    context.after(() => node.dispose());

    const told = (node.ready as unknown as Said).unavailable;
    await eventually(5000, "/status shows it", async () => (await statusOf(node.url)).unavailable.length === 1);
    const shown = (await statusOf(node.url)).unavailable;
    const bytes = randomBytes(100_000, 91);
    await putObject(node.url, bytes);
    await mustHold(node.url, bytes);

    for (const unavailable of [told, shown]) {
      assert.deepEqual(
        unavailable.map(({ actor }) => actor),
        ["telemetry"],
      );
      assert.match(unavailable[0]?.reason ?? "", /^start-failed: .*links: /);
    }
    rmdirSync(join(obstacle, "inside"));
    rmdirSync(obstacle);
    await node.admin("resume", "cell/ops");
    await eventually(15_000, "it is there", async () => (await statusOf(node.url)).unavailable.length === 0);
  });
});
