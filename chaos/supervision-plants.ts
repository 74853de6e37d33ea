/** Bugs that are planted in supervision: see `chaos/plants.ts`. */
import type { PlantedBug } from "#chaos/plants.ts";

export const SUPERVISION_BUGS: readonly PlantedBug[] = [
  {
    name: "double-restart",
    says: "what has crashed is begun twice",
    scenario: "storage-crashes-while-putting",
    seenBy: "everything-runs-again",
    patch: {
      file: "supervisor/lives.ts",
      from: "this.#startLife(entry);",
      to: "this.#startLife(entry); if (entry.restarts > 0) this.#startLife(entry);",
    },
  },
  {
    name: "restarts-uncounted",
    says: "every other restart is not counted",
    scenario: "storage-crashes-while-putting",
    seenBy: "supervision-keeps-its-rules",
    patch: {
      file: "supervisor/lives.ts",
      from: "entry.restarts += 1;",
      to: "entry.restarts += entry.lives % 2;",
    },
  },
  {
    name: "never-quarantined",
    says: "who crashes over and over is begun again for ever",
    scenario: "restart-storm-to-quarantine",
    seenBy: "supervision-keeps-its-rules",
    patch: {
      file: "supervisor/supervisor.ts",
      from: "if (entry.window.exceededBy(nowMs) || entry.onProbation) {",
      to: "if (entry.onProbation) {",
    },
  },
  {
    name: "short-quarantine",
    says: "who is quarantined is tried again after two seconds",
    scenario: "restart-storm-to-quarantine",
    seenBy: "supervision-keeps-its-rules",
    patch: {
      file: "supervisor/backoff.ts",
      from: "return doubled(PROBE_MS_MIN, failedCount, PROBE_MS_MAX);",
      to: "return doubled(PROBE_MS_MIN / 30, failedCount, PROBE_MS_MAX);",
    },
  },
];
