/** A name on three replicas. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "Quorum";
const live = "Quorum.live";

export const quorum: ModelPlan = {
  module: "Quorum",
  configurations: [
    { name: configuration, states: 8684, isLong: true },
    { name: live, states: 3988 },
    { name: "Quorum.large", states: 15_580, isLong: true },
  ],
  witnesses: [
    { name: "NeverDownAndBehind", configuration },
    { name: "NeverReadUnacknowledged", configuration },
    { name: "NeverAckedByTwo", configuration },
    { name: "NeverWritesBack", configuration },
  ],
  mutants: [
    {
      name: "one replica is enough for a write",
      from: "IF Cardinality(all) >= W",
      to: "IF Cardinality(all) >= 1",
      configuration,
      violates: "ReadsAreFresh",
    },
    {
      name: "one replica is enough for a read",
      from: "IF Cardinality(those) >= R",
      to: "IF Cardinality(those) >= 1",
      configuration,
      violates: "ReadsAreFresh",
    },
    {
      name: "a reader does not write back",
      from: [
        "  /\\ memory' = [memory EXCEPT ![r] = Max(@, newest)]",
        "  /\\ disk' = [disk EXCEPT ![r] = Max(@, newest)]",
        "  /\\ IF",
      ].join("\n"),
      to: "  /\\ UNCHANGED <<memory, disk>>\n  /\\ IF",
      configuration,
      violates: "ReadsAreFresh",
    },
    {
      name: "what is written back is not durable when the read ends",
      from: "  /\\ disk' = [disk EXCEPT ![r] = Max(@, newest)]\n",
      to: "  /\\ UNCHANGED disk\n",
      configuration,
      violates: "ReadIsDurable",
    },
    {
      name: "a replica says that it holds what is not durable",
      from: "  /\\ disk[r] = writing\n",
      to: "  /\\ memory[r] = writing\n",
      configuration,
      violates: "AckedIsDurable",
    },
    {
      name: "a write waits for every replica",
      from: "IF Cardinality(all) >= W",
      to: "IF all = Replicas",
      configuration: live,
      violates: "WritesEnd",
      isLong: true,
    },
    {
      name: "a read waits for every replica",
      from: "IF Cardinality(those) >= R",
      to: "IF those = Replicas",
      configuration: live,
      violates: "ReadsEnd",
      isLong: true,
    },
  ],
};
