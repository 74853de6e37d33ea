------------------------------- MODULE Quorum -------------------------------
(* A name on N replicas, written to W and read from R of them.               *)
(*                                                                           *)
(* A model only: names are kept by one node so far. It says what the index   *)
(* has to do when they are not.                                              *)
(*                                                                           *)
(* - Writes of one name have versions in their order, one at a time, as a    *)
(*   compare-and-set gives them. A write is acknowledged when W replicas     *)
(*   have said that they hold it durably; a replica never goes back.         *)
(* - A replica that crashes loses what it had not made durable, and comes    *)
(*   back. At most N - W are down at a time.                                 *)
(* - A reader asks R replicas, takes the newest, and writes it back until W  *)
(*   have it; then it answers.                                               *)
EXTENDS Naturals, FiniteSets

CONSTANTS
  Replicas,
  W, R,
  DownMax,       \* replicas that are down at a time
  CrashesMax,    \* in all
  VersionsMax,
  ReadsMax       \* one after another, by one reader

VARIABLES
  memory,        \* of a replica: its newest version
  disk,          \* what of it is durable
  up,
  crashes,       \* so far
  writing,       \* version that is being written; 0: none has been
  acks,          \* replicas that said they hold it, until there are enough
  acked,         \* the newest version that was acknowledged
  step,          \* of the reader: "idle", "asking" or "writing back"
  asked,         \* replicas that have answered it, or hold what it writes back
  newest,        \* of what they answered
  floor,         \* what was acknowledged, or read, before it began
  answer,        \* of the last read
  reads,         \* that have ended
  stale          \* whether one answered with less than its floor

vars == <<memory, disk, up, crashes, writing, acks, acked, step, asked, newest, floor, answer, reads, stale>>
writer == <<writing, acks, acked>>
reader == <<step, asked, newest, floor, answer, reads, stale>>

-----------------------------------------------------------------------------
Max(a, b) == IF a > b THEN a ELSE b
Down == {r \in Replicas : ~up[r]}

Init ==
  /\ memory = [r \in Replicas |-> 0]
  /\ disk = [r \in Replicas |-> 0]
  /\ up = [r \in Replicas |-> TRUE]
  /\ crashes = 0
  /\ writing = 0
  /\ acks = {}
  /\ acked = 0
  /\ step = "idle"
  /\ asked = {}
  /\ newest = 0
  /\ floor = 0
  /\ answer = 0
  /\ reads = 0
  /\ stale = FALSE

-----------------------------------------------------------------------------
(* The next write begins when the one before was acknowledged. *)
BeginWrite ==
  /\ writing = acked
  /\ writing < VersionsMax
  /\ writing' = writing + 1
  /\ acks' = {}
  /\ UNCHANGED <<memory, disk, up, crashes, acked>>
  /\ UNCHANGED reader

(* A replica hears of it. *)
Hear(r) ==
  /\ writing > acked
  /\ up[r]
  /\ memory[r] < writing
  /\ memory' = [memory EXCEPT ![r] = writing]
  /\ UNCHANGED <<disk, up, crashes>>
  /\ UNCHANGED writer
  /\ UNCHANGED reader

Sync(r) ==
  /\ up[r]
  /\ disk[r] < memory[r]
  /\ disk' = [disk EXCEPT ![r] = memory[r]]
  /\ UNCHANGED <<memory, up, crashes>>
  /\ UNCHANGED writer
  /\ UNCHANGED reader

(* It says so when it is durable there. *)
Say(r) ==
  /\ writing > acked
  /\ up[r]
  /\ disk[r] = writing
  /\ r \notin acks
  /\ LET all == acks \cup {r}
     IN IF Cardinality(all) >= W
        THEN acked' = writing /\ acks' = {}
        ELSE acks' = all /\ UNCHANGED acked
  /\ UNCHANGED <<memory, disk, up, crashes, writing>>
  /\ UNCHANGED reader

-----------------------------------------------------------------------------
Crash(r) ==
  /\ up[r]
  /\ Cardinality(Down) < DownMax
  /\ crashes < CrashesMax
  /\ crashes' = crashes + 1
  /\ up' = [up EXCEPT ![r] = FALSE]
  /\ memory' = [memory EXCEPT ![r] = disk[r]]
  /\ UNCHANGED disk
  /\ UNCHANGED writer
  /\ UNCHANGED reader

Recover(r) ==
  /\ ~up[r]
  /\ up' = [up EXCEPT ![r] = TRUE]
  /\ UNCHANGED <<memory, disk, crashes>>
  /\ UNCHANGED writer
  /\ UNCHANGED reader

-----------------------------------------------------------------------------
(* The first replica that it asks begins a read. What one holds counts durable or not: the reader sees to that. *)
Ask(r) ==
  /\ up[r]
  /\ \/ step = "idle" /\ reads < ReadsMax
     \/ step = "asking" /\ r \notin asked
  /\ LET those == IF step = "idle" THEN {r} ELSE asked \cup {r}
         most == IF step = "idle" THEN memory[r] ELSE Max(newest, memory[r])
     IN /\ newest' = most
        /\ floor' = IF step = "idle" THEN Max(acked, answer) ELSE floor
        /\ IF Cardinality(those) >= R
           THEN step' = "writing back" /\ asked' = {}
           ELSE step' = "asking" /\ asked' = those
  /\ UNCHANGED <<answer, reads, stale>>
  /\ UNCHANGED <<memory, disk, up, crashes>>
  /\ UNCHANGED writer

(* Durable when it is said, as with a write. The last one that is needed ends the read. *)
WriteBack(r) ==
  /\ step = "writing back"
  /\ up[r]
  /\ r \notin asked
  /\ memory' = [memory EXCEPT ![r] = Max(@, newest)]
  /\ disk' = [disk EXCEPT ![r] = Max(@, newest)]
  /\ IF Cardinality(asked) + 1 >= W
     THEN /\ step' = "idle"
          /\ asked' = {}
          /\ newest' = 0
          /\ floor' = 0
          /\ answer' = newest
          /\ reads' = reads + 1
          /\ stale' = (newest < floor)
     ELSE /\ asked' = asked \cup {r}
          /\ UNCHANGED <<step, newest, floor, answer, reads, stale>>
  /\ UNCHANGED <<up, crashes>>
  /\ UNCHANGED writer

Next ==
  \/ BeginWrite
  \/ \E r \in Replicas : Hear(r) \/ Sync(r) \/ Say(r) \/ Crash(r) \/ Recover(r) \/ Ask(r) \/ WriteBack(r)

(* When the crashes are over it goes on, whether or not who is down comes back. *)
Spec ==
  /\ Init
  /\ [][Next]_vars
  /\ WF_vars(BeginWrite)
  /\ \A r \in Replicas :
       /\ WF_vars(Hear(r))
       /\ WF_vars(Sync(r))
       /\ WF_vars(Say(r))
       /\ WF_vars(Ask(r))
       /\ WF_vars(WriteBack(r))

-----------------------------------------------------------------------------
Types ==
  /\ \A r \in Replicas : disk[r] <= memory[r] /\ memory[r] <= VersionsMax
  /\ acked <= writing

(* A read answers with what was acknowledged, or read, before it began, or with something newer. *)
ReadsAreFresh == ~stale

(* What was acknowledged is durable on W replicas, whoever is down. *)
AckedIsDurable == Cardinality({r \in Replicas : disk[r] >= acked}) >= W

(* So is what somebody has read. *)
ReadIsDurable == Cardinality({r \in Replicas : disk[r] >= answer}) >= W

-----------------------------------------------------------------------------
WritesEnd == <>(acked = VersionsMax)
ReadsEnd == step # "idle" ~> step = "idle"

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverDownAndBehind == \A r \in Replicas : ~(~up[r] /\ disk[r] < acked)
NeverReadUnacknowledged == answer <= acked
NeverAckedByTwo == ~(acked > 0 /\ \E r \in Replicas : disk[r] = 0)
NeverWritesBack == \A r \in Replicas : ~(step = "writing back" /\ disk[r] < newest)
=============================================================================
