/** The lossy broadcast, and those who listen. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "Bus";

export const bus: ModelPlan = {
  module: "Bus",
  configurations: [
    { name: "Bus", states: 1313 },
    { name: "Bus.alone", states: 117 },
    { name: "Bus.large", states: 24_177, isLong: true },
  ],
  witnesses: [
    { name: "NeverDropped", configuration },
    { name: "NeverLagged", configuration },
    { name: "NeverWaiting", configuration },
    { name: "NeverClosedBehind", configuration },
  ],
  mutants: [
    {
      name: "the publisher waits for a slow subscriber",
      from: "  /\\ published < EventsMax\n",
      to: "  /\\ published < EventsMax\n  /\\ Passed = {}\n",
      configuration: "Bus.alone",
      violates: "PublisherGoesOn",
    },
    {
      name: "a publication wakes nobody",
      from: 'woken == {s \\in Subscribers : place[s] = "waiting"}',
      to: "woken == {}",
      configuration,
      violates: "NobodyWaitsInVain",
    },
    {
      name: "nobody is woken, and nothing is told in the end",
      from: 'woken == {s \\in Subscribers : place[s] = "waiting"}',
      to: "woken == {}",
      configuration,
      violates: "AllIsToldInTheEnd",
    },
    {
      name: "a subscriber waits without a look at what is there",
      from: "  /\\ cursor[s] = published\n  /\\ place'",
      to: "  /\\ place'",
      configuration,
      violates: "NobodyWaitsInVain",
    },
    {
      name: "a cell that was overwritten is read as if it was not",
      from: "from == Max(cursor[s], Oldest(published))",
      to: "from == cursor[s]",
      configuration,
      violates: "InOrder",
    },
    {
      name: "what was missed is not told",
      from: "@ + (from - cursor[s])",
      to: "@",
      configuration,
      violates: "Accounted",
    },
    {
      name: "an event counts as dropped when the ring is full, whoever has read it",
      from: " /\\ cursor[s] <= published - Capacity}",
      to: "}",
      configuration,
      violates: "DropsAreCounted",
    },
    {
      name: "who wakes is given the next event and does not move on",
      from: "THEN cursor[s] + 1 ELSE cursor[s]]",
      to: "THEN cursor[s] ELSE cursor[s]]",
      configuration,
      violates: "Accounted",
    },
  ],
};
