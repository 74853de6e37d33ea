/** Memory limits of a real process: one upon the other, and whichever is lifted first. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { MemoryLimit, memoryLimitMissing } from "#chaos/real/memory-limit.ts";
import { MiB } from "#runtime/units.ts";

const rootMissing = process.getuid?.() === 0 ? undefined : "only root makes control groups";
const skip = rootMissing ?? memoryLimitMissing() ?? false;

/** Of the process, as the kernel tells it. */
function groupsOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cgroup`, "utf8");
}

describe("chaos: limits of memory", { skip }, () => {
  for (const order of ["older", "newer"] as const) {
    it(`leave a process where it was when the ${order} one of two is lifted first`, async () => {
      const child = spawn("sleep", ["60"], { stdio: "ignore" });
      const pid = child.pid ?? assert.fail("it runs");
      const before = groupsOf(pid);
      try {
        const older = MemoryLimit.of(pid, `cepa-test-${pid}-1`, 64 * MiB);
        const newer = MemoryLimit.of(pid, `cepa-test-${pid}-2`, 64 * MiB);
        assert.match(groupsOf(pid), new RegExp(`cepa-test-${pid}-2`));

        for (const limit of order === "older" ? [older, newer] : [newer, older]) limit.lift();

        assert.equal(groupsOf(pid), before);
      } finally {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    });
  }
});
