/** How children are restarted and quarantined. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "Supervisor";

export const supervisor: ModelPlan = {
  module: "Supervisor",
  configurations: [
    { name: "Supervisor", states: 860 },
    { name: "Supervisor.large", states: 25_786, isLong: true },
    { name: "Supervisor.two", states: 17_437, isLong: true },
  ],
  witnesses: [
    { name: "NeverQuarantined", configuration },
    { name: "NeverBackByProbe", configuration },
    { name: "NeverProbeFailed", configuration },
    { name: "NeverLongPause", configuration },
    { name: "NeverClosing", configuration },
    { name: "NeverOneRestartMore", configuration },
  ],
  mutants: [
    {
      name: "a crash more than the budget allows is restarted",
      from: "IF Len(seen) > RestartsMax \\/ onProbation\n",
      to: "IF Len(seen) > RestartsMax + 1 \\/ onProbation\n",
      configuration,
      violates: "Budget",
    },
    {
      name: "crashes are not counted",
      from: "/\\ window' = [window EXCEPT ![c] = seen]",
      to: "/\\ UNCHANGED window",
      configuration,
      violates: "Restarts",
    },
    {
      name: "a quarantined child is restarted as one that backs off is",
      from: 'Due(c) ==\n  /\\ phase = "up"\n  /\\ state[c] = "backing-off"',
      to: 'Due(c) ==\n  /\\ phase = "up"\n  /\\ state[c] \\in {"backing-off", "quarantined"}',
      configuration,
      violates: "Quarantined",
    },
    {
      name: "a child that a probe brought back has a whole budget again",
      from: "IF Len(seen) > RestartsMax \\/ onProbation\n",
      to: "IF Len(seen) > RestartsMax\n",
      configuration,
      violates: "Quarantined",
    },
    {
      name: "restarts of all together are not bounded",
      from: "ELSE IF Len(all) > IntensityMax",
      to: "ELSE IF Len(all) > IntensityMax + 1",
      configuration,
      violates: "Intensity",
    },
    {
      name: "a probe does not wait",
      from: "  /\\ age[c] >= ProbePause(probes[c])\n",
      to: "",
      configuration,
      violates: "ProbesWait",
    },
    {
      name: "a pause has no ceiling",
      from: "  /\\ \\A c \\in Children : Waits(c) => age[c] + by <= Limit(c)\n",
      to: '  /\\ \\A c \\in Children : state[c] = "quarantined" => age[c] + by <= Limit(c)\n',
      configuration,
      violates: "Pauses",
    },
    {
      name: "something is restarted on the way down",
      from: 'Due(c) ==\n  /\\ phase = "up"\n',
      to: "Due(c) ==\n",
      // With one child alone there is nobody left to be restarted.
      configuration: "Supervisor.two",
      violates: "NothingStartsLate",
    },
    {
      name: "nobody sets the timer of a pause",
      from: "       /\\ WF_vars(Due(c))\n",
      to: "",
      configuration,
      violates: "BackoffEnds",
    },
    {
      name: "nobody probes what is quarantined",
      from: "       /\\ WF_vars(Probe(c))\n",
      to: "",
      configuration,
      violates: "QuarantineIsProbed",
    },
    {
      name: "what is on its way down is waited for in vain",
      from: "       /\\ WF_vars(Stopped(c))\n",
      to: "",
      configuration,
      violates: "StopsEnd",
    },
    {
      name: "the others are not told to stop",
      from: "       /\\ WF_vars(GoDown(c))\n",
      to: "",
      configuration,
      violates: "EscalationEnds",
    },
  ],
};
