/** What `cepa verify` is made of. Each stage is a command of this checkout that anybody can run alone. */

export interface Stage {
  readonly name: string;
  /** As a user would type it after `./cepa`. */
  readonly command: readonly string[];
  readonly says: string;
  /** More of everything than the command does by itself; what the caller has set stands. */
  readonly env?: Readonly<Record<string, string>>;
  /** Goes on for what is left of the time, and does its least without any. */
  readonly takesTime?: boolean;
  /** Nothing after it is worth running where it fails. */
  readonly isFirst?: boolean;
}

export const STAGES: readonly Stage[] = [
  { name: "static", command: ["check"], says: "types, lint and format", isFirst: true },
  {
    name: "tests",
    command: ["test", "--timeout", "3600"],
    says: "every test, with more histories, runs, seeds, points, schedules and fuzzing, and the scenarios that take a real node",
    env: {
      CEPA_HISTORIES: "300",
      CEPA_RUNS: "3000",
      CEPA_POINTS: "10",
      CEPA_SEEDS: "300",
      CEPA_FUZZ_SECONDS: "20",
      CEPA_CHAOS_SECONDS: "180",
    },
  },
  {
    name: "release",
    command: ["release", "check"],
    says: "two builds of the same bytes, licences, bills of materials, signatures",
  },
  {
    name: "hunt",
    command: ["chaos", "hunt", "--runs", "1000"],
    says: "fresh seeds of simulated nodes, 1000 of them and more for as long as there is time",
    takesTime: true,
  },
];
