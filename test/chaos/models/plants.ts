/** Bugs of the supervisor, of ingest, of the bus and of the watcher of the configuration that are seen because the models do not allow what comes of them. */
import { LOSING } from "#test/actors/ingest/plants.ts";
import { BUS_PLANTS } from "#test/chaos/models/bus-plants.ts";
import { WATCHER_PLANTS } from "#test/chaos/models/watcher-plants.ts";
import type { Plant } from "#test/kit/planted.ts";

const check = { file: "test/chaos/models/supervisor-run.test.ts", test: "are runs of its model, by seed" };
const says = "the last of these is no consequence of those before";

const ofIngest = {
  check: { file: "test/chaos/models/ingest-run.test.ts", test: "are runs of its model, entry by entry" },
  says,
};

export const PLANTS: readonly Plant[] = [
  {
    name: "who was brought back by a probe is restarted as any other",
    file: "supervisor/supervisor.ts",
    from: "if (entry.window.exceededBy(nowMs) || entry.onProbation) {",
    to: "if (entry.window.exceededBy(nowMs)) {",
    check,
    says,
  },
  {
    name: "one crash more is answered by a restart",
    file: "runtime/sliding-window.ts",
    from: "if (this.#momentsMs.length <= this.#countMax) return false;",
    to: "if (this.#momentsMs.length <= this.#countMax + 1) return false;",
    check,
    says,
  },
  {
    name: "what is quarantined is probed as soon as it would be restarted",
    file: "supervisor/lives.ts",
    from: "this.#arm(entry, probeDelayMs(entry.failedProbeCount));",
    to: "this.#arm(entry, restartDelayMs(entry.crashCount, this.#options.random));",
    check,
    says,
  },
  {
    name: "pauses have no ceiling of their own",
    file: "supervisor/backoff.ts",
    from: "random.below(doubled(RESTART_BACKOFF_MS_MIN, crashCount - 1, RESTART_BACKOFF_MS_MAX) + 1)",
    to: "random.below(RESTART_BACKOFF_MS_MAX + 1)",
    check,
    says,
  },
  {
    name: "restarts of all are not counted",
    file: "supervisor/supervisor.ts",
    from: "if (this.#intensity.exceededBy(nowMs)) {",
    to: "if (this.#intensity.exceededBy(nowMs) && nowMs < 0) {",
    check,
    says,
  },
  {
    name: "a word does not forgive",
    file: "supervisor/lives.ts",
    from: "        entry.resetBackoff();\n        entry.window.clear();",
    to: "        entry.resetBackoff();",
    check,
    says,
  },
  {
    name: "a failed probe is forgotten",
    file: "supervisor/supervisor.ts",
    from: "if (probed) entry.failedProbeCount += 1;",
    to: "if (probed) entry.failedProbeCount = 0;",
    check,
    says,
  },
  {
    name: "what is spilled is not synced",
    file: "actors/ingest/spill/segment-writer.ts",
    from: "const synced = await this.#disk.sync(this.#descriptor);",
    to: "const synced: Result<void, DiskFailure> = ok();",
    ...ofIngest,
  },
  ...LOSING.map((plant): Plant => ({ ...plant, ...ofIngest })),
  ...BUS_PLANTS,
  ...WATCHER_PLANTS,
];
