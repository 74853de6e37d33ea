/** Which version of a peer a manifest wants. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { versionIn } from "#bench/peer-package.ts";

describe("bench: the version that a manifest wants", () => {
  it("is the version itself, also of a package that goes by another name", () => {
    assert.deepEqual(["4.1.0", "npm:effect@4.0.6", "npm:@scope/name@1.2.3-rc.1"].map(versionIn), [
      "4.1.0",
      "4.0.6",
      "1.2.3-rc.1",
    ]);
  });
});
