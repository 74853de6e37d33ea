/** The whole suite, quickly: every arm does every work, or is said to be absent. Nothing is fetched. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { MEMORIES, RATES } from "#bench/actors/works.ts";
import type { Measurement } from "#bench/measurement.ts";

const MAIN = join(import.meta.dirname, "..", "..", "..", "bench", "main.ts");
/** Without what only these need, they are absent. */
const OPTIONAL = new Set(["Erlang", "nact", "Effect", "OTP supervisor"]);

async function figures(): Promise<readonly Measurement[]> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, "actors", "--quick", "--json"], {
    env: { ...env, CEPA_PROVISION: "never" },
  });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Measurement);
}

describe("cepa bench actors --quick --json", () => {
  it("has a figure of every arm at every work, one object a line", async () => {
    const all = await figures();

    for (const { name, unit, arms } of [...RATES, ...MEMORIES]) {
      const [own, ...beside] = all.filter((figure) => figure.name === `actors.${name}`);
      assert(own !== undefined && own.value > 0 && own.unit === unit && (own.samples?.length ?? 0) > 0, name);
      assert.deepEqual(
        beside.map(({ peer }) => peer?.replace(" (absent)", "")),
        arms.filter((arm) => arm !== "Cepa"),
      );
      for (const { peer = "", peer_value, ratio, peer_samples } of beside) {
        const isAbsent = peer.endsWith(" (absent)");
        assert.equal(isAbsent && !OPTIONAL.has(peer.replace(" (absent)", "")), false, `${peer} at ${name}`);
        assert.equal(isAbsent, peer_value === undefined && ratio === undefined && peer_samples === undefined);
      }
    }
    const figureOf = (name: string) => all.find((figure) => figure.name === name)?.value;
    assert(figureOf("actors.restart-p99") !== undefined && figureOf("actors.tracing-unsampled") !== undefined);
    assert.deepEqual([figureOf("actors.overload.unanswered"), figureOf("actors.overload-deep.unanswered")], [0, 0]);
    assert(
      all.every(({ value, target, met }) => Number.isFinite(value) && (target === undefined) === (met === undefined)),
    );
  });
});
