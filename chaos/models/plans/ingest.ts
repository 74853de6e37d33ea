/** From an entry of a stream to a row. */
import type { ModelPlan } from "#chaos/models/plan.ts";

const configuration = "Ingest";
const shared = "Ingest.shared";

export const ingest: ModelPlan = {
  module: "Ingest",
  configurations: [
    { name: configuration, states: 2700 },
    { name: shared, states: 1968 },
    { name: "Ingest.large", states: 54_468, isLong: true },
  ],
  witnesses: [
    { name: "NeverAckedFromDisk", configuration },
    { name: "NeverGivenTwice", configuration: shared },
    { name: "NeverRowBeforeAck", configuration },
    { name: "NeverSpilledAndRow", configuration },
  ],
  mutants: [
    {
      name: "an entry is acknowledged when it is in hand",
      from: "  /\\ \\E e \\in lasting[n] :\n       /\\ acked'",
      to: "  /\\ \\E e \\in hand[n] :\n       /\\ acked'",
      configuration,
      violates: "AcknowledgedLasts",
    },
    {
      name: "what is spilled counts before it is synced",
      from: [
        "       /\\ written' = [written EXCEPT ![n] = @ \\cup {EventOf(e)}]",
        "  /\\ UNCHANGED <<away, spilled, dead>>",
        "  /\\ UNCHANGED stream",
        "  /\\ UNCHANGED life",
      ].join("\n"),
      to: [
        "       /\\ written' = [written EXCEPT ![n] = @ \\cup {EventOf(e)}]",
        "       /\\ lasting' = [lasting EXCEPT ![n] = @ \\cup {e}]",
        "  /\\ UNCHANGED <<away, spilled, dead, up, hand>>",
        "  /\\ UNCHANGED stream",
      ].join("\n"),
      configuration,
      violates: "AcknowledgedLasts",
    },
    {
      name: "a spilled row is dropped before it was moved",
      from: "       /\\ rows[v] > 0\n       /\\ spilled'",
      to: "       /\\ spilled'",
      configuration,
      violates: "AcknowledgedLasts",
    },
    {
      name: "what is given counts as acknowledged (NOACK)",
      from: "       /\\ pendingTo' = [pendingTo EXCEPT ![e] = n]\n       /\\ \\/ hand'",
      to: "       /\\ UNCHANGED pendingTo\n       /\\ \\/ hand'",
      configuration,
      violates: "NoneIsForgotten",
    },
    {
      name: "an insertion is not idempotent",
      from: "OneMore(v) == [rows EXCEPT ![v] = 1]",
      to: "OneMore(v) == [rows EXCEPT ![v] = IF @ < 2 THEN @ + 1 ELSE @]",
      configuration: shared,
      violates: "OneRowEach",
    },
    {
      name: "a bad entry is acknowledged without a dead letter",
      from: "       /\\ dead' = dead \\cup {e}\n",
      to: "       /\\ UNCHANGED dead\n",
      configuration,
      violates: "AcknowledgedLasts",
    },
    {
      name: "what a life had in hand is not given to the next, nor to anybody",
      from: "       /\\ WF_vars(ReadAgain(n))\n",
      to: "",
      configuration: shared,
      violates: "AllLandsInTheEnd",
      isLong: true,
    },
    {
      name: "nobody moves what was spilled",
      from: "       /\\ WF_vars(Replay(n))\n",
      to: "",
      configuration: shared,
      violates: "AllLandsInTheEnd",
    },
    {
      name: "an acknowledgement that was not answered is not said again",
      from: "       /\\ WF_vars(Ack(n))\n",
      to: "",
      configuration: shared,
      violates: "AllIsAcknowledgedInTheEnd",
      isLong: true,
    },
  ],
};
