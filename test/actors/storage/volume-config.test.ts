/** Which directories can be volumes, and what redundancy they allow. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkVolumeConfig, normalVolumePath, VOLUMES_MAX, volumeConfigSchema } from "#actors/storage/volume-config.ts";
import { readSection } from "#runtime/config/section.ts";

const three = { volumes: ["/mnt/a", "/mnt/b", "/mnt/c"], erasure: "auto" };
const many = (count: number) => Array.from({ length: count }, (_, index) => `/mnt/${index}`);

describe("storage: the settings of volumes (STO-70)", () => {
  it("are none, and what the number of volumes allows, where nothing is said", () => {
    assert.deepEqual(readSection(volumeConfigSchema, "storage", undefined, {}), {
      ok: true,
      value: { volumes: [], erasure: "auto" },
    });
  });

  it("are lists of absolute paths that are apart, in a file and in the environment", () => {
    const inEnvironment = { CEPA_STORAGE_VOLUMES: "/mnt/a,/mnt/b,/mnt/c" };

    assert.deepEqual(readSection(volumeConfigSchema, "storage", { volumes: three.volumes }, {}), {
      ok: true,
      value: three,
    });
    assert.deepEqual(readSection(volumeConfigSchema, "storage", {}, inEnvironment), { ok: true, value: three });
    assert.equal(checkVolumeConfig(three), undefined);
    assert.equal(checkVolumeConfig({ ...three, volumes: ["/mnt/a", "/mnt/ab"] }), undefined);
  });

  for (const [volumes, says] of [
    [["/mnt/a", "mnt/b"], "absolute paths, and mnt/b is not one"],
    [["/mnt/a", "/mnt/b", "/mnt/./x/..//a/"], "names /mnt/a twice"],
    [["/mnt/a", "/mnt/a/b"], "/mnt/a/b inside /mnt/a"],
    [["/mnt/a/b/../c/d", "/mnt/a/c"], "/mnt/a/c/d inside /mnt/a/c"],
    [["/mnt/a", "/"], "/mnt/a inside /"],
    [many(VOLUMES_MAX + 1), `at most ${VOLUMES_MAX}`],
  ] as const) {
    it(`are refused with the volumes ${volumes.slice(0, 3).join(", ")}: ${says}`, () => {
      assert(checkVolumeConfig({ volumes, erasure: "auto" })?.includes(says));
    });
  }

  it("take as many volumes as there may be", () => {
    assert.equal(checkVolumeConfig({ volumes: many(VOLUMES_MAX), erasure: "auto" }), undefined);
  });

  it("ask for more volumes than parity shards, and say so", () => {
    assert.equal(checkVolumeConfig({ ...three, erasure: "4+2" }), undefined);
    assert(checkVolumeConfig({ ...three, erasure: "4+3" })?.includes("needs more than 3, and storage.volumes names 3"));
    assert(checkVolumeConfig({ volumes: [], erasure: "1+1" })?.includes("names 0"));
    assert.equal(checkVolumeConfig({ volumes: [], erasure: "none" }), undefined);
    assert(checkVolumeConfig({ ...three, erasure: "4+" })?.includes('like "4+2"'));
  });

  it("refuse volumes beside a bucket", () => {
    assert(checkVolumeConfig({ ...three, s3: "https://host/bucket" })?.includes("exclude each other"));
    assert.equal(checkVolumeConfig({ ...three, s3: "" }), undefined);
    assert.equal(checkVolumeConfig({ volumes: [], erasure: "auto", s3: "https://host/bucket" }), undefined);
  });

  it("compare paths as they are used", () => {
    assert.deepEqual(["/", "/a/", "//a//b/.", "/a/../b"].map(normalVolumePath), ["/", "/a", "/a/b", "/b"]);
  });
});
