------------------------------ MODULE TwoPhase ------------------------------
(* Two-phase commit: a transaction manager asks, and then says.              *)
(*                                                                           *)
(* Not of this project. Its 288 states for three resource managers calibrate *)
(* the checker.                                                              *)
CONSTANT RM

VARIABLES rmState, tmState, tmPrepared, msgs

vars == <<rmState, tmState, tmPrepared, msgs>>

Init ==
  /\ rmState = [r \in RM |-> "working"]
  /\ tmState = "init"
  /\ tmPrepared = {}
  /\ msgs = {}

TMHear(r) ==
  /\ tmState = "init"
  /\ [type |-> "prepared", rm |-> r] \in msgs
  /\ tmPrepared' = tmPrepared \cup {r}
  /\ UNCHANGED <<rmState, tmState, msgs>>

TMCommit ==
  /\ tmState = "init"
  /\ tmPrepared = RM
  /\ tmState' = "done"
  /\ msgs' = msgs \cup {[type |-> "commit"]}
  /\ UNCHANGED <<rmState, tmPrepared>>

TMAbort ==
  /\ tmState = "init"
  /\ tmState' = "done"
  /\ msgs' = msgs \cup {[type |-> "abort"]}
  /\ UNCHANGED <<rmState, tmPrepared>>

RMPrepare(r) ==
  /\ rmState[r] = "working"
  /\ rmState' = [rmState EXCEPT ![r] = "prepared"]
  /\ msgs' = msgs \cup {[type |-> "prepared", rm |-> r]}
  /\ UNCHANGED <<tmState, tmPrepared>>

RMGiveUp(r) ==
  /\ rmState[r] = "working"
  /\ rmState' = [rmState EXCEPT ![r] = "aborted"]
  /\ UNCHANGED <<tmState, tmPrepared, msgs>>

RMCommit(r) ==
  /\ [type |-> "commit"] \in msgs
  /\ rmState' = [rmState EXCEPT ![r] = "committed"]
  /\ UNCHANGED <<tmState, tmPrepared, msgs>>

RMAbort(r) ==
  /\ [type |-> "abort"] \in msgs
  /\ rmState' = [rmState EXCEPT ![r] = "aborted"]
  /\ UNCHANGED <<tmState, tmPrepared, msgs>>

Next ==
  \/ TMCommit
  \/ TMAbort
  \/ \E r \in RM : TMHear(r) \/ RMPrepare(r) \/ RMGiveUp(r) \/ RMCommit(r) \/ RMAbort(r)

Spec == Init /\ [][Next]_vars

Consistent == \A r, s \in RM : ~(rmState[r] = "aborted" /\ rmState[s] = "committed")

(* Witness: to be violated. *)
NeverCommitted == \A r \in RM : rmState[r] # "committed"
=============================================================================
