------------------------------ MODULE IngestRun ------------------------------
(* What was seen of one entry in a run of the real ingest, followed through  *)
(* the model: of one node, and of this entry alone.                          *)
(*                                                                           *)
(* - "row": the table took its event. "dead": it was answered that there is  *)
(*   a dead letter of it. "ack": that it is acknowledged was sent to Redis,  *)
(*   which may not hear of it. "synced": something was synced to the disk.   *)
(*   "crash": the life ended. "end": nothing is unread, pending or spilled.  *)
(* - What is given, and what is written and not synced, is not seen: so far  *)
(*   the model may do as it likes.                                           *)
(*                                                                           *)
(* A run is one of the model where `NeverEnds` is violated.                  *)
EXTENDS Ingest

CONSTANT Looks

VARIABLES
  at       \* what is seen next

Seen == Looks[at]

RunInit == Init /\ at = 1

Unseen(n) ==
  /\ \/ Read(n) \/ ReadAgain(n) \/ Restart(n) \/ Drop(n)
     \/ Spill(n) /\ UNCHANGED rows
  /\ UNCHANGED at

(* An insertion that finds its event there does nothing. *)
Row(n) ==
  \/ Insert(n) \/ Replay(n)
  \/ Spill(n) /\ \A v \in Events : rows'[v] > 0
  \/ (\A v \in Events : rows[v] > 0) /\ UNCHANGED vars

Follows(n) ==
  CASE Seen = "row" -> Row(n)
    [] Seen = "dead" -> Bury(n)
    [] Seen = "ack" -> lasting[n] # {} /\ (Ack(n) \/ UNCHANGED vars)
    [] Seen = "synced" -> Sync(n) \/ UNCHANGED vars
    [] Seen = "crash" -> Crash(n)
    [] Seen = "end" ->
         /\ \A e \in Entries : e \in acked /\ Lasts(e)
         /\ \A v \in Events : rows[v] > 0
         /\ UNCHANGED vars

RunNext ==
  /\ at <= Len(Looks)
  /\ \E n \in Nodes : Unseen(n) \/ (Follows(n) /\ at' = at + 1)

NeverEnds == at <= Len(Looks)
=============================================================================
