----------------------------- MODULE DhtLookup ------------------------------
(* Who has the value? An iterative lookup over peers, some of which crash.   *)
(*                                                                           *)
(* A model only: there is no DHT yet. It says what a lookup has to do.       *)
(*                                                                           *)
(* - A peer is its distance to what is looked for: 1 is the closest. The     *)
(*   Wanted closest hold the value.                                          *)
(* - A peer knows the Wanted peers that are next closer than itself, and one *)
(*   half as far away, as a table of buckets would have it. It tells of the  *)
(*   Wanted closest that it knows.                                           *)
(* - The lookup asks peers of the Wanted closest that it has heard of and    *)
(*   that have not failed it, Parallel at a time. It ends when it is given   *)
(*   the value, or when each of these has answered.                          *)
(* - A peer that has crashed does not answer; a question to it times out.    *)
(*   At most CrashesMax crash, at any time. They do not come back.           *)
(*                                                                           *)
(* That the value is found rests on CrashesMax < Wanted: whoever knows       *)
(* Wanted closer peers knows one that lives.                                 *)
EXTENDS Naturals, FiniteSets

CONSTANTS
  PeersMax,     \* peers are 1..PeersMax
  Known,        \* to the one who looks, in the beginning
  Wanted,       \* k
  Parallel,     \* alpha
  CrashesMax

VARIABLES
  alive,
  heard,        \* peers that the lookup has heard of
  asking,       \* that were asked and did not answer yet
  answered,
  failed,       \* that did not answer in time
  found         \* whether somebody gave it the value

vars == <<alive, heard, asking, answered, failed, found>>

-----------------------------------------------------------------------------
Peers == 1..PeersMax
Holders == 1..Wanted

(* Those of a set with fewer than Wanted closer ones in it. *)
Closest(set) == {p \in set : Cardinality({q \in set : q < p}) < Wanted}

Knows(p) == {q \in Peers : q < p /\ (q + Wanted >= p \/ q = p \div 2)}

(* Those whose answers count, as far as it has heard. *)
Candidates == Closest(heard \ failed)
Done == found \/ Candidates \subseteq answered

Init ==
  /\ alive = Peers
  /\ heard = Known
  /\ asking = {}
  /\ answered = {}
  /\ failed = {}
  /\ found = FALSE

(* One that has answered is not asked again, so that its crash changes nothing. *)
Crash(p) ==
  /\ p \in alive \ answered
  /\ PeersMax - Cardinality(alive) < CrashesMax
  /\ ~Done
  /\ alive' = alive \ {p}
  /\ UNCHANGED <<heard, asking, answered, failed, found>>

Ask(p) ==
  /\ ~Done
  /\ Cardinality(asking) < Parallel
  /\ p \in Candidates \ (asking \cup answered)
  /\ asking' = asking \cup {p}
  /\ UNCHANGED <<alive, heard, answered, failed, found>>

Answer(p) ==
  /\ p \in asking \cap alive
  /\ asking' = asking \ {p}
  /\ answered' = answered \cup {p}
  /\ heard' = heard \cup Closest(Knows(p))
  /\ found' = (found \/ p \in Holders)
  /\ UNCHANGED <<alive, failed>>

TimeOut(p) ==
  /\ p \in asking \ alive
  /\ asking' = asking \ {p}
  /\ failed' = failed \cup {p}
  /\ UNCHANGED <<alive, heard, answered, found>>

Next == \E p \in Peers : Crash(p) \/ Ask(p) \/ Answer(p) \/ TimeOut(p)

(* Nobody has to crash. *)
Spec ==
  /\ Init
  /\ [][Next]_vars
  /\ WF_vars(\E p \in Peers : Ask(p))
  /\ \A p \in Peers : WF_vars(Answer(p)) /\ WF_vars(TimeOut(p))

-----------------------------------------------------------------------------
Types ==
  /\ asking \cup answered \cup failed \subseteq heard
  /\ heard \subseteq Peers

(* It never floods. *)
FewAtATime == Cardinality(asking) <= Parallel

(* Each peer is asked once: what a lookup costs is bounded by the peers it hears of. *)
OnceEach == asking \cap answered = {} /\ asking \cap failed = {} /\ answered \cap failed = {}


-----------------------------------------------------------------------------
LookupEnds == <>Done
ValueIsFound == <>found

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverFailed == failed = {}
NeverFound == ~found
NeverFoundPastFailed == ~(found /\ failed # {})
NeverSeveralAsked == Cardinality(asking) < Parallel
=============================================================================
