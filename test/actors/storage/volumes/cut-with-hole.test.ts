/** A pack of a volume that was cut, and is back with the volume as long as it was, with a hole in it (STO-126). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { randomBytes, startStorage } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, putBack } from "#test/actors/storage/volumes/spread-kit.ts";

const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB } as const;
const volumes = { directories: ["/v1"], erasure: "none" } as const;
const objects = [1, 2, 3, 4].map((seed) => randomBytes(450 * KiB, seed));

describe("storage: a cut pack of a volume that is back with a hole", () => {
  it("has lost what is in the hole: a put of that writes it anew", async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    must(await disk.makeDirectory("/pulled"), "made");
    const kit = await startStorage({ disk, volumes, config });
    for (const bytes of objects) await mustPut(kit, bytes);
    await looked(kit);
    const [name = ""] = must(await disk.list("/v1/packs"), "listed").map((file) => file.name);
    const file = must(await disk.readFile(`/v1/packs/${name}`), "read");
    const opened = must(await disk.open(`/v1/packs/${name}`, "write"), "opened");
    must(await disk.truncate(opened, PACK_FRONT_BYTES + 50 * KiB), "cut");
    await disk.close(opened);
    for (let look = 0; look < 3; look += 1) await looked(kit);
    await pull(kit, "/v1");
    await looked(kit);
    const holed = Uint8Array.from(file).fill(0, 100 * KiB, 200 * KiB);
    must(await disk.replaceFile(`/pulled/v1/packs/${name}`, holed), "as long as it was");
    await putBack(kit, "/v1");
    for (let look = 0; look < 3; look += 1) await looked(kit);

    for (const bytes of objects) {
      const { manifest } = await mustPut(kit, bytes);
      assert.equal(Buffer.compare(await mustRead(kit.ref, manifest, "what was put again"), bytes), 0);
    }
  });
});
