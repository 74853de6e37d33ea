/** What waits until all of it was verified: a node is asked once for it, also for what names its chunks. */
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { NamelessFile } from "#cli/nameless-file.ts";
import { Spool } from "#cli/spool.ts";
import { CHUNK_BYTES } from "#client/private-format.ts";
import type { Ciphertext } from "#client/private-object.ts";
import { CepaError } from "#client/wire.ts";

/** Answers with what it was asked for, in pieces, and says how often. */
function counting(): { readonly source: Ciphertext; readonly asked: string[] } {
  const asked: string[] = [];
  async function* answer(name: string): AsyncGenerator<Uint8Array> {
    asked.push(name);
    for (const letter of name) yield Buffer.from(letter);
  }
  return {
    asked,
    source: { node: (digest) => answer(digest), data: (root, first, last) => answer(`${root} ${first}-${last}`) },
  };
}

const LAST = 2 * CHUNK_BYTES - 1;

describe("cli: a spool", () => {
  it("asks once for nodes and for more than a chunk, though they are read by turns", async () => {
    const { source, asked } = counting();
    await using spool = new Spool(source, "root");

    for (let round = 0; round < 2; round += 1) {
      const chunks = spool.data("root", 0, LAST)[Symbol.asyncIterator]();
      const read: Uint8Array[] = [];
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        read.push(Uint8Array.from(next.value));
        if (round === 0 || read.length === 1)
          assert.equal(await text(spool.node(`node ${read.length}`)), `node ${read.length}`);
      }
      assert.equal(Buffer.concat(read).toString(), `root 0-${LAST}`);
    }

    assert.deepEqual(asked, [...new Set(asked)], "nothing twice");
  });

  it("keeps neither the root nor a chunk alone, nor what broke off", async () => {
    const { source, asked } = counting();
    await using spool = new Spool(source, "root");
    for await (const _ of spool.data("root", 0, LAST)) break;

    for (const _ of [1, 2]) {
      await text(spool.node("root"));
      await text(spool.data("root", 0, CHUNK_BYTES - 1));
      assert.equal(await text(spool.data("root", 0, LAST)), `root 0-${LAST}`);
    }

    const all = `root 0-${LAST}`;
    const one = `root 0-${CHUNK_BYTES - 1}`;
    assert.deepEqual(asked, [all, "root", one, all, "root", one]);
  });

  it("says what its file refuses when it is read, too", async (context) => {
    const { source } = counting();
    await using spool = new Spool(source, "root");
    await text(spool.data("root", 0, LAST));
    context.mock.method(NamelessFile.prototype, "read", () => {
      throw new Error("EIO: i/o error, read");
    });

    const read = text(spool.data("root", 0, LAST));

    await assert.rejects(read, (error) => error instanceof CepaError && error.code === "cli.file-unwritable");
  });
});
