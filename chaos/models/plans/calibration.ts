/** Specifications that are not ours, whose counts of states are known from TLC: they say whether the checker can be believed. */
import type { ModelPlan } from "#chaos/models/plan.ts";

export const transactionCommit: ModelPlan = {
  module: "TCommit",
  configurations: [{ name: "TCommit", states: 34 }],
  witnesses: [{ name: "NeverCommitted", configuration: "TCommit" }],
  mutants: [
    {
      name: "one commits while another is still working",
      from: "  /\\ CanCommit\n",
      to: "",
      configuration: "TCommit",
      violates: "Consistent",
    },
    {
      name: "one aborts after another has committed",
      from: "  /\\ NotCommitted\n",
      to: "",
      configuration: "TCommit",
      violates: "Consistent",
    },
  ],
};

export const twoPhaseCommit: ModelPlan = {
  module: "TwoPhase",
  configurations: [{ name: "TwoPhase", states: 288 }],
  witnesses: [{ name: "NeverCommitted", configuration: "TwoPhase" }],
  mutants: [
    {
      name: "the manager commits without having heard of all",
      from: "  /\\ tmPrepared = RM\n",
      to: "",
      configuration: "TwoPhase",
      violates: "Consistent",
    },
    {
      name: "who is prepared gives up by itself",
      from: 'RMGiveUp(r) ==\n  /\\ rmState[r] = "working"',
      to: 'RMGiveUp(r) ==\n  /\\ rmState[r] \\in {"working", "prepared"}',
      configuration: "TwoPhase",
      violates: "Consistent",
    },
  ],
};
