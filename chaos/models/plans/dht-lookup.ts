/** Who has the value. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "DhtLookup";

export const dhtLookup: ModelPlan = {
  module: "DhtLookup",
  configurations: [
    { name: configuration, states: 691 },
    { name: "DhtLookup.single", states: 146 },
    { name: "DhtLookup.large", states: 8645, isLong: true },
  ],
  witnesses: [
    { name: "NeverFailed", configuration },
    { name: "NeverFound", configuration },
    { name: "NeverFoundPastFailed", configuration },
    { name: "NeverSeveralAsked", configuration },
  ],
  mutants: [
    {
      name: "as many crash as hold the value",
      from: "PeersMax - Cardinality(alive) < CrashesMax",
      to: "PeersMax - Cardinality(alive) < Wanted",
      configuration,
      violates: "ValueIsFound",
    },
    {
      name: "a peer that failed keeps its place among the closest",
      from: "Candidates == Closest(heard \\ failed)\nDone == found \\/ Candidates \\subseteq answered",
      to: "Candidates == Closest(heard)\nDone == found \\/ Candidates \\subseteq (answered \\cup failed)",
      configuration,
      violates: "ValueIsFound",
    },
    {
      name: "a question has no timeout",
      from: " /\\ WF_vars(TimeOut(p))",
      to: "",
      // Where several are asked at a time the others go on.
      configuration: "DhtLookup.single",
      violates: "LookupEnds",
    },
    {
      name: "all that are heard of are asked at once",
      from: "  /\\ Cardinality(asking) < Parallel\n",
      to: "",
      configuration,
      violates: "FewAtATime",
    },
    {
      name: "a peer is asked again after it has answered",
      from: "p \\in Candidates \\ (asking \\cup answered)",
      to: "p \\in Candidates \\ asking",
      configuration,
      violates: "OnceEach",
    },
  ],
};
