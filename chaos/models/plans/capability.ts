/** Tokens that are revoked. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "Capability";

export const capability: ModelPlan = {
  module: "Capability",
  configurations: [
    { name: configuration, states: 1815 },
    { name: "Capability.large", states: 22_814, isLong: true },
  ],
  witnesses: [
    { name: "NeverUsedAfterRevocation", configuration },
    { name: "NeverStale", configuration },
    { name: "NeverAcceptedInNewEpoch", configuration },
    { name: "NeverPruned", configuration },
  ],
  mutants: [
    {
      name: "a copy is as old as its arrival",
      from: "copyAge' = [copyAge EXCEPT ![v] = wayAge[v]]",
      to: "copyAge' = [copyAge EXCEPT ![v] = 0]",
      configuration,
      violates: "NoneIsUsedLate",
    },
    {
      name: "a verifier that is cut off goes on accepting",
      from: "  /\\ copyAge[v] <= StaleMax\n",
      to: "",
      configuration,
      violates: "NoneIsUsedLate",
    },
    {
      name: "a token leaves the list before it has expired",
      from: "  /\\ age[t] >= Life\n",
      to: "  /\\ age[t] >= Life - 1\n",
      configuration,
      violates: "OnTheListUntilItExpires",
    },
    {
      name: "a verifier does not look at the epoch",
      from: "  /\\ bornIn[t] >= copyEpoch[v]\n",
      to: "",
      configuration,
      violates: "NoneWouldBe",
    },
    {
      name: "a verifier does not look at the list",
      from: "  /\\ t \\notin copyList[v]\n",
      to: "",
      configuration,
      violates: "NoneIsUsedLate",
    },
    {
      name: "the epoch is never taken over",
      from: "copyEpoch' = [copyEpoch EXCEPT ![v] = wayEpoch[v]]",
      to: "UNCHANGED copyEpoch",
      configuration,
      violates: "AllHear",
    },
    {
      name: "a question that was lost is not asked again",
      from: "WF_vars(Fetch(v)) /\\ ",
      to: "",
      configuration,
      violates: "CutOffComesBack",
    },
  ],
};
