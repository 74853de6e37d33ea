------------------------------ MODULE TCommit ------------------------------
(* Transaction commit: resource managers agree on an outcome.                *)
(*                                                                           *)
(* Not of this project. The specification is well known, and so is its count *)
(* of states, 34 for three resource managers: it calibrates the checker.     *)
CONSTANT RM

VARIABLE rmState

Init == rmState = [r \in RM |-> "working"]

CanCommit == \A r \in RM : rmState[r] \in {"prepared", "committed"}
NotCommitted == \A r \in RM : rmState[r] # "committed"

Prepare(r) ==
  /\ rmState[r] = "working"
  /\ rmState' = [rmState EXCEPT ![r] = "prepared"]

Commit(r) ==
  /\ rmState[r] = "prepared"
  /\ CanCommit
  /\ rmState' = [rmState EXCEPT ![r] = "committed"]

Abort(r) ==
  /\ rmState[r] \in {"working", "prepared"}
  /\ NotCommitted
  /\ rmState' = [rmState EXCEPT ![r] = "aborted"]

Next == \E r \in RM : Prepare(r) \/ Commit(r) \/ Abort(r)

Spec == Init /\ [][Next]_rmState

Types == rmState \in [RM -> {"working", "prepared", "committed", "aborted"}]

Consistent == \A r, s \in RM : ~(rmState[r] = "aborted" /\ rmState[s] = "committed")

(* Witness: to be violated. *)
NeverCommitted == NotCommitted
=============================================================================
