/** Which directories can be volumes, and what redundancy they allow. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkVolumeConfig, normalVolumePath, VOLUMES_MAX, volumeConfigSchema } from "#actors/storage/volume-config.ts";
import { readSection } from "#runtime/config/section.ts";

const three = { volumes: ["/mnt/a", "/mnt/b", "/mnt/c"], erasure: "auto" };
const many = (count: number) => Array.from({ length: count }, (_, index) => `/mnt/${index}`);

const check = (config: Parameters<typeof checkVolumeConfig>[0]): string | undefined =>
  checkVolumeConfig(config, { amnesia: false });

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
    assert.equal(check(three), undefined);
    assert.equal(check({ ...three, volumes: ["/mnt/a", "/mnt/ab"] }), undefined);
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
      assert(check({ volumes, erasure: "auto" })?.includes(says));
    });
  }

  it("take as many volumes as there may be", () => {
    assert.equal(check({ volumes: many(VOLUMES_MAX), erasure: "auto" }), undefined);
  });

  it("ask for more volumes than parity shards, and say so", () => {
    assert.equal(check({ ...three, erasure: "4+2" }), undefined);
    assert(check({ ...three, erasure: "4+3" })?.includes("needs more than 3, and storage.volumes names 3"));
    assert(check({ volumes: [], erasure: "1+1" })?.includes("names 0"));
    assert.equal(check({ volumes: [], erasure: "none" }), undefined);
    assert(check({ ...three, erasure: "4+" })?.includes('like "4+2"'));
  });

  it("refuse volumes beside a bucket", () => {
    assert(check({ ...three, s3: "https://host/bucket" })?.includes("exclude each other"));
    assert.equal(check({ ...three, s3: "" }), undefined);
    assert.equal(check({ volumes: [], erasure: "auto", s3: "https://host/bucket" }), undefined);
  });

  it("compare paths as they are used", () => {
    assert.deepEqual(["/", "/a/", "//a//b/.", "/a/../b"].map(normalVolumePath), ["/", "/a", "/a/b", "/b"]);
  });

  it("is not for amnesia mode, and needs memory for one upload (AMN-7)", () => {
    assert(checkVolumeConfig(three, { amnesia: true })?.includes("amnesia"));
    assert.equal(checkVolumeConfig({ volumes: [], erasure: "auto" }, { amnesia: true }), undefined);
    assert(check({ ...three, writeQuotaBytes: 16 * 1024 * 1024 - 1 })?.includes("writeQuotaBytes"));
    assert.equal(check({ ...three, writeQuotaBytes: 16 * 1024 * 1024 }), undefined);
  });
});
