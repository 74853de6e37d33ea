/** Bugs of storage that its simulated histories are seen to catch. Each is one short line of the source. */
import type { Plant } from "#test/kit/planted.ts";

const historiesOf = (kind: string): Plant["check"] => ({
  file: "test/actors/storage/histories.test.ts",
  test: `of ${kind} lose nothing, 40 from seed 1 on`,
});
const historiesOfVolumes: Plant["check"] = {
  file: "test/actors/storage/volumes/volume-histories.test.ts",
  test: "lose nothing, 40 from seed 1 on",
};

const SYNCED = "const synced = written.ok ? await pool.disk.sync(pack.descriptor) : written;";
/** What was acknowledged is not there any more. */
const LOST = /object \d+ is (listed|whole|readable)/;

export const PLANTS: readonly Plant[] = [
  {
    name: "small objects are acknowledged before they are synced",
    file: "actors/storage/puts/group-commit.ts",
    from: SYNCED,
    to: "const synced = written;",
    check: historiesOf("faults"),
    says: LOST,
  },
  {
    name: "a compaction takes for garbage what puts rely on meanwhile",
    file: "actors/storage/collection/collector.ts",
    from: "entry.position >= state.checkpoint || isNeeded(entry, digest);",
    to: "marks.has(state.pack, entry.position);",
    check: historiesOf("places"),
    says: LOST,
  },
  {
    name: "a collection removes what is held by another manifest of its object",
    file: "actors/storage/keeps/keep.ts",
    from: "lastingUpTo: Math.max(unpinnedUpTo, removal?.lastingUpTo ?? 0),",
    to: "lastingUpTo: Math.max(sequence, unpinnedUpTo, removal?.lastingUpTo ?? 0),",
    check: {
      file: "test/actors/storage/hold-histories.test.ts",
      test: "of what is held lose nothing, and bring nothing back, 40 from seed 1 on",
    },
    says: /is there: storage\.removed/,
  },
  {
    name: "what is read is not verified",
    file: "actors/storage/reads/chunk-source.ts",
    from: "if (!isVerified(target, from, entry, slice.chunk, table.value, digest)) return corrupt(slice.chunk);",
    to: "",
    check: historiesOf("rot"),
    says: "wrong bytes",
  },
  {
    name: "records on volumes are acknowledged before they are synced",
    file: "actors/storage/spread/volume-log.ts",
    from: SYNCED,
    to: "const synced = written;",
    check: historiesOfVolumes,
    says: LOST,
  },
  {
    name: "repair does not see that a shard is missing",
    file: "actors/storage/repair/wanted.ts",
    from: "if (free === undefined) missing.push(shard);",
    to: "if (free === undefined) continue;",
    check: historiesOfVolumes,
    says: LOST,
  },
  {
    name: "repair counts on what is damaged",
    file: "actors/storage/repair/repairer.ts",
    from: 'if (damage !== "none") return false;',
    to: "",
    check: historiesOfVolumes,
    says: "repair goes on",
  },
  {
    name: "a volume that hangs is waited for",
    file: "actors/storage/volumes/disk-lane.ts",
    from: "await inTime(work, VOLUME_STALL_MS, this.#clock)",
    to: "await work",
    check: historiesOfVolumes,
    says: /all is answered|object \d+ is readable: .*call-timeout/,
  },
];
