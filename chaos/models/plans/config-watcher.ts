/** How a change of the configuration file comes into force. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "ConfigWatcher";

export const configWatcher: ModelPlan = {
  module: "ConfigWatcher",
  configurations: [
    { name: "ConfigWatcher", states: 2162 },
    { name: "ConfigWatcher.large", states: 18_750, isLong: true },
  ],
  witnesses: [
    { name: "NeverAgain", configuration },
    { name: "NeverRefused", configuration },
    { name: "NeverPutOff", configuration },
    { name: "NeverReadWhileTold", configuration },
    { name: "NeverClosedWhileOffering", configuration },
  ],
  mutants: [
    {
      name: "what was accepted is not reported",
      from: "report' = IF closed THEN report ELSE seen",
      to: "report' = IF closed \\/ seen # inForce THEN report ELSE seen",
      configuration,
      violates: "InForceWasReported",
    },
    {
      name: "a change during a reading is left out, because somebody reads already",
      from: "ELSE again' = TRUE /\\ UNCHANGED step",
      to: "ELSE UNCHANGED <<again, step>>",
      configuration,
      violates: "NoneIsForgotten",
    },
    {
      name: "what was asked for during a reading is forgotten at its end",
      from: 'step\' = IF again /\\ ~closed THEN "reading" ELSE "idle"',
      to: 'step\' = "idle"',
      configuration,
      violates: "LastIsReported",
    },
    {
      name: "a file that never rests is never read",
      from: "(quiet >= Quiet \\/ since >= QuietMax)",
      to: "quiet >= Quiet",
      configuration,
      violates: "ReadInTime",
    },
    {
      name: "what was refused counts as in force",
      from: "inForce' = IF refusing /\\ seen \\in Refused THEN inForce ELSE seen",
      to: "inForce' = seen",
      configuration,
      violates: "RefusedIsNotInForce",
    },
    {
      name: "a notification sets no timer where one was set before",
      from: "  /\\ told' = FALSE\n  /\\ quiet' = 0\n",
      to: "  /\\ told' = FALSE\n  /\\ quiet' = IF file > 1 THEN quiet ELSE 0\n",
      configuration,
      violates: "LastIsInForce",
    },
    {
      name: "what is under way when the watcher is closed is reported all the same",
      from: "report' = IF closed THEN report ELSE seen",
      to: "report' = seen",
      configuration,
      violates: "ClosedIsSilent",
    },
    {
      name: "who asks for the file stops the timer, and is not heard",
      from: "Ask == ~closed /\\ BeginReading",
      to: "Ask == ~closed /\\ quiet' = None /\\ since' = None /\\ UNCHANGED <<file, inForce, told, step, seen, again, report, refusing, ends>>",
      configuration,
      violates: "NoneIsForgotten",
    },
  ],
};
