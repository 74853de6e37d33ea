/** What a node says on stdout, for people and for scripts: every line it has. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Announcement, announcer } from "#supervisor/root/announcer.ts";

const READY: Announcement & { readonly event: "ready" } = {
  event: "ready",
  http: "http://127.0.0.1:7700",
  pid: 10,
  cells: { data: 11, watch: 12 },
  unavailable: [],
};
const QUARANTINED = { event: "quarantined", supervisor: "node", reason: "crashed" } as const;

/** Each announcement, and what people are told. */
const SAID: readonly (readonly [said: Announcement, line: string])[] = [
  [READY, "ready: http://127.0.0.1:7700  (process 10; data 11, watch 12)"],
  [
    {
      ...READY,
      ...{ redis: "127.0.0.1:1", postgres: "/run/pg", admin: "127.0.0.1:2", amnesia: "/dev/shm/x" },
      unavailable: [{ actor: "storage", reason: "disk.full" }],
    },
    [
      "ready: http://127.0.0.1:7700  (process 10; data 11, watch 12)",
      ...["postgres: /run/pg", "redis: 127.0.0.1:1", "admin: 127.0.0.1:2"],
      "amnesia: all is in memory (/dev/shm/x), and gone at the end",
      "unavailable: storage: disk.full",
    ].join("\n"),
  ],
  [{ event: "waiting", reasons: ["storage starts", "index starts"] }, "not ready yet: storage starts; index starts"],
  [{ event: "crashed", service: "data", reason: "SIGKILL" }, "crashed: data (SIGKILL)"],
  [
    { event: "crashed", service: "postgres", reason: "exit 1", detail: "no space" },
    "crashed: postgres (exit 1: no space)",
  ],
  [
    { event: "restarted", child: "storage", supervisor: "data", restarts: 3, reason: "crashed" },
    "restarted: storage (crashed; 3 so far)",
  ],
  [
    { ...QUARANTINED, child: "storage", supervisor: "data" },
    "quarantined: storage (crashed); lift it with: cepa resume actor/storage",
  ],
  [{ ...QUARANTINED, child: "data" }, "quarantined: data (crashed); lift it with: cepa resume cell/data"],
  [{ ...QUARANTINED, child: "redis" }, "quarantined: redis (crashed); lift it with: cepa resume server/redis"],
  [{ event: "build-changed", cell: "data", problem: "the code changed" }, "data does not start: the code changed"],
  [
    { event: "not-recorded", http: "http://h", record: "/d/node.json", reason: "ENOSPC" },
    "cannot write /d/node.json (ENOSPC): clients need --url http://h until there is room",
  ],
  [{ event: "recorded", record: "/d/node.json" }, "/d/node.json is written: clients find the node again"],
  [{ event: "restored", path: "/run/x" }, "/run/x was removed while the node runs: it is there again"],
  [{ event: "config-updated", version: 4 }, "configuration: version 4 is in force"],
  [
    { event: "config-refused", by: "storage", problem: "too large" },
    "configuration: refused by storage: too large; the one before stays in force",
  ],
  [{ event: "shutting-down" }, "shutting down ..."],
  [{ event: "shutdown" }, "shut down"],
];

function announced(json: boolean, said: Announcement) {
  const lines: Record<"out" | "error", string[]> = { out: [], error: [] };
  announcer(json, {
    writeOut: (line) => lines.out.push(line),
    writeError: (line) => lines.error.push(line),
  }).announce(said);
  return lines;
}

describe("announcer", () => {
  for (const [said, line] of SAID) {
    it(`tells people and scripts: ${line.split("\n").at(-1)}`, () => {
      assert.deepEqual(announced(false, said), { out: [line], error: [] });
      assert.deepEqual(announced(true, said), { out: [JSON.stringify(said)], error: [] });
    });
  }

  it("says on stderr why there is no node, and on stdout for scripts alone", () => {
    const failed = { event: "failed", code: "lock.taken", message: "another node runs" } as const;
    const { error } = announced(false, failed);

    assert.deepEqual(announced(false, failed).out, []);
    assert.deepEqual(announced(true, failed), { out: [JSON.stringify(failed)], error });
    assert.match(error.join(""), /^cepa: .*another node runs/);
  });
});
