/**
 * LMDB takes a write of which the disk took only a part for a failure: the commit is refused, and what settled stays. Of a
 * header that is half of one nothing can be read any more: then every commit is refused, and the owner throws the store away.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { realClock } from "#runtime/real/clock.ts";
import { createLmdbStores } from "#runtime/real/kv.ts";
import { MiB } from "#runtime/units.ts";
import { type FaultedRun, libraryOfSuite, runFaulted } from "#test/kit/faults.ts";
import { runHost, type Said } from "#test/kit/host.ts";
import { provideCompiler } from "#test/kit/provide.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const HOST = join(import.meta.dirname, "kv-host.ts");
const skip = (await provideCompiler()) ?? false;

describe("kv (real): writes of which the disk takes only a part", { skip }, () => {
  const library = libraryOfSuite();

  async function run(directory: string, fault: "short" | "short-full", at: number): Promise<FaultedRun<Said>> {
    return await runFaulted(library(), directory, { fault, at }, (env) => runHost(HOST, [directory], { env }));
  }

  for (const fault of ["short", "short-full"] as const) {
    it(`refuse what cannot be kept, and keep what settled: ${fault}`, async (context) => {
      const undisturbed = await run(join(await tempDirectory(context), "kv"), fault, 0);
      assert.equal(undisturbed.told.lines.at(-1), "closed");
      const seen = { whole: 0, one: 0, header: 0, ended: 0, unopened: 0, thrownAway: 0 };
      for (const at of undisturbed.lines.keys()) {
        const directory = join(await tempDirectory(context), "kv");
        const { told, lines } = await run(directory, fault, at + 1);
        const spoiled = lines.find(({ what }) => what === "fault");
        const where = `${JSON.stringify(spoiled)}: ${told.lines.join(", ")} ${told.errors}`;
        const numbers = (word: string): readonly number[] =>
          told.lines.filter((line) => line.startsWith(word)).map((line) => Number(line.split(" ")[1]));
        const [settled, refused] = [numbers("settled"), numbers("refused")];
        const isClosed = told.lines.at(-1) === "closed";
        // A page that cannot be written damages the library's own memory, which may end the process (kriszyp/lmdb-js#40).
        if (isClosed) assert.equal(settled.length + refused.length, 6, where);

        const opened = await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB });
        if (!opened.ok) {
          // The first write makes the file, and the library ends the process if it fails.
          assert(opened.failure.code === "kv.broken" && (refused.length > 1 || settled.length === 0), where);
          seen.thrownAway += 1;
        } else {
          const held = opened.value.range(new Uint8Array([0]), new Uint8Array([255]), 10);
          const keys = held.map(({ key }) => key[0]);
          for (const index of settled) assert(keys.includes(index), where);
          if (isClosed) assert.deepEqual(keys, settled.toSorted(), where);
          for (const { key, value } of held)
            assert(
              value.every((byte) => byte === key[0]),
              where,
            );
          await opened.value.close();
        }
        if (told.lines[0]?.startsWith("unopened")) seen.unopened += 1;
        else if (!isClosed) seen.ended += 1;
        else if (refused.length === 0) seen.whole += 1;
        else seen[refused.length === 1 ? "one" : "header"] += 1;
      }
      context.diagnostic(JSON.stringify(seen));
      assert(seen.one > 0 && seen.header > 0, JSON.stringify(seen));
    });
  }
});
