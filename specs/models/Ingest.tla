------------------------------- MODULE Ingest -------------------------------
(* An entry of a stream becomes a row of Postgres, or a dead letter, and is  *)
(* acknowledged when that lasts: actors/ingest.                              *)
(*                                                                           *)
(* - Entries are read by nodes that share a group. Several entries may carry *)
(*   one event, which is one row. An entry that is no event is bad.          *)
(* - A node has in hand what it was given. It inserts rows; where Postgres   *)
(*   is away, or does not say what came of it, it spills them to its disk,   *)
(*   and syncs them there. What is spilled is moved later, and then dropped. *)
(* - Any command of Redis and any insertion may be done and not answered.    *)
(* - A life ends at any step, with what is in hand and what is not synced.   *)
(*   The next one is given again what is pending to its node.                *)
(* - What is pending to another node is claimed: where that is down, and     *)
(*   where it only takes long.                                               *)
(*                                                                           *)
(* Redis itself is not lost here, and its acknowledgements last: what a      *)
(* Redis forgets it delivers again, which is one more delivery.              *)
EXTENDS Naturals, Sequences

CONSTANTS
  Entries,
  Bad,          \* of Entries
  Twin,         \* entries that carry the same event, or {}
  Nodes,
  MayClaimLive, \* whether also what a living node has in hand is claimed
  CrashesMax,   \* of nodes, in all
  OutagesMax    \* of Postgres

VARIABLES
  unread,       \* entries that nobody was given
  pendingTo,    \* of an entry: a node, or None
  acked,        \* entries that the group is done with
  up,           \* nodes that live
  hand,         \* of a node: entries that it works on
  lasting,      \* of those: what it knows to last
  written,      \* of a node: events in its spill that are not synced
  spilled,      \* events in its spill that are
  away,         \* whether Postgres is
  rows,         \* of an event: how many rows there are of it
  dead,         \* entries of which there is a dead letter
  crashes,      \* so far
  outages

vars == <<unread, pendingTo, acked, up, hand, lasting, written, spilled, away, rows, dead, crashes, outages>>
stream == <<unread, pendingTo, acked>>
life == <<up, hand, lasting>>
disks == <<written, spilled>>
table == <<away, rows>>
faults == <<crashes, outages>>

None == "none"

-----------------------------------------------------------------------------
(* The event of an entry is known by one of the entries that carry it. *)
EventOf(e) == IF e \in Twin THEN CHOOSE one \in Twin : TRUE ELSE e
Events == {EventOf(e) : e \in Entries \ Bad}

Init ==
  /\ unread = Entries
  /\ pendingTo = [e \in Entries |-> None]
  /\ acked = {}
  /\ up = Nodes
  /\ hand = [n \in Nodes |-> {}]
  /\ lasting = [n \in Nodes |-> {}]
  /\ written = [n \in Nodes |-> {}]
  /\ spilled = [n \in Nodes |-> {}]
  /\ away = FALSE
  /\ rows = [v \in Events |-> 0]
  /\ dead = {}
  /\ crashes = 0
  /\ outages = 0

(* XREADGROUP: it may be given and never heard of. *)
Read(n) ==
  /\ n \in up
  /\ \E e \in unread :
       /\ unread' = unread \ {e}
       /\ pendingTo' = [pendingTo EXCEPT ![e] = n]
       /\ \/ hand' = [hand EXCEPT ![n] = @ \cup {e}]
          \/ UNCHANGED hand
  /\ UNCHANGED <<acked, up, lasting, dead>>
  /\ UNCHANGED disks
  /\ UNCHANGED table
  /\ UNCHANGED faults

(* What is pending to it and not in its hand: after a start, and after an answer that was lost. *)
ReadAgain(n) ==
  /\ n \in up
  /\ \E e \in Entries :
       /\ pendingTo[e] = n
       /\ e \notin hand[n]
       /\ hand' = [hand EXCEPT ![n] = @ \cup {e}]
  /\ UNCHANGED <<up, lasting, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED disks
  /\ UNCHANGED table
  /\ UNCHANGED faults

(* XAUTOCLAIM *)
Claim(n) ==
  /\ n \in up
  /\ \E e \in Entries :
       /\ pendingTo[e] \in Nodes \ {n}
       /\ MayClaimLive \/ e \notin hand[pendingTo[e]]
       /\ pendingTo' = [pendingTo EXCEPT ![e] = n]
       /\ hand' = [hand EXCEPT ![n] = @ \cup {e}]
  /\ UNCHANGED <<unread, acked, up, lasting, dead>>
  /\ UNCHANGED disks
  /\ UNCHANGED table
  /\ UNCHANGED faults

(* Idempotent by the event: ON CONFLICT DO NOTHING. *)
OneMore(v) == [rows EXCEPT ![v] = 1]

Working(n) == hand[n] \ lasting[n]

Insert(n) ==
  /\ n \in up
  /\ ~away
  /\ \E e \in Working(n) \ Bad :
       /\ rows' = OneMore(EventOf(e))
       /\ lasting' = [lasting EXCEPT ![n] = @ \cup {e}]
  /\ UNCHANGED <<up, hand, away, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED disks
  /\ UNCHANGED faults

(* Done, or not, and nobody knows: it is spilled, as where Postgres is away. *)
Spill(n) ==
  /\ n \in up
  /\ \E e \in Working(n) \ Bad :
       /\ EventOf(e) \notin written[n]
       /\ \/ UNCHANGED rows
          \/ ~away /\ rows' = OneMore(EventOf(e))
       /\ written' = [written EXCEPT ![n] = @ \cup {EventOf(e)}]
  /\ UNCHANGED <<away, spilled, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED life
  /\ UNCHANGED faults

Sync(n) ==
  /\ n \in up
  /\ written[n] # {}
  /\ spilled' = [spilled EXCEPT ![n] = @ \cup written[n]]
  /\ written' = [written EXCEPT ![n] = {}]
  /\ lasting' = [lasting EXCEPT ![n] = @ \cup {e \in hand[n] \ Bad : EventOf(e) \in written[n]}]
  /\ UNCHANGED <<up, hand, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED table
  /\ UNCHANGED faults

Bury(n) ==
  /\ n \in up
  /\ \E e \in Working(n) \cap Bad :
       /\ dead' = dead \cup {e}
       /\ \/ lasting' = [lasting EXCEPT ![n] = @ \cup {e}]
          \/ UNCHANGED lasting
  /\ UNCHANGED <<up, hand>>
  /\ UNCHANGED stream
  /\ UNCHANGED disks
  /\ UNCHANGED table
  /\ UNCHANGED faults

(* XACK, from whoever has it by now; where it is not answered, it is said again. *)
Ack(n) ==
  /\ n \in up
  /\ \E e \in lasting[n] :
       /\ acked' = acked \cup {e}
       /\ pendingTo' = [pendingTo EXCEPT ![e] = None]
       /\ \/ UNCHANGED <<hand, lasting>>
          \/ /\ hand' = [hand EXCEPT ![n] = @ \ {e}]
             /\ lasting' = [lasting EXCEPT ![n] = @ \ {e}]
  /\ UNCHANGED <<unread, up, dead>>
  /\ UNCHANGED disks
  /\ UNCHANGED table
  /\ UNCHANGED faults

(* From the spill to Postgres; then, in a step of its own, out of the spill. *)
Replay(n) ==
  /\ n \in up
  /\ ~away
  /\ \E v \in spilled[n] : rows[v] = 0 /\ rows' = OneMore(v)
  /\ UNCHANGED <<away, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED life
  /\ UNCHANGED disks
  /\ UNCHANGED faults

Drop(n) ==
  /\ n \in up
  /\ \E v \in spilled[n] :
       /\ rows[v] > 0
       /\ spilled' = [spilled EXCEPT ![n] = @ \ {v}]
  /\ UNCHANGED <<written, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED life
  /\ UNCHANGED table
  /\ UNCHANGED faults

(* kill -9, or a power cut: what was not synced is there, or not. *)
Crash(n) ==
  /\ n \in up
  /\ crashes < CrashesMax
  /\ crashes' = crashes + 1
  /\ up' = up \ {n}
  /\ hand' = [hand EXCEPT ![n] = {}]
  /\ lasting' = [lasting EXCEPT ![n] = {}]
  /\ written' = [written EXCEPT ![n] = {}]
  /\ \/ UNCHANGED spilled
     \/ spilled' = [spilled EXCEPT ![n] = @ \cup written[n]]
  /\ UNCHANGED <<dead, outages>>
  /\ UNCHANGED stream
  /\ UNCHANGED table

Restart(n) ==
  /\ n \notin up
  /\ up' = up \cup {n}
  /\ UNCHANGED <<hand, lasting, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED disks
  /\ UNCHANGED table
  /\ UNCHANGED faults

GoAway ==
  /\ ~away
  /\ outages < OutagesMax
  /\ outages' = outages + 1
  /\ away' = TRUE
  /\ UNCHANGED <<rows, dead, crashes>>
  /\ UNCHANGED stream
  /\ UNCHANGED life
  /\ UNCHANGED disks

ComeBack ==
  /\ away
  /\ away' = FALSE
  /\ UNCHANGED <<rows, dead>>
  /\ UNCHANGED stream
  /\ UNCHANGED life
  /\ UNCHANGED disks
  /\ UNCHANGED faults

Next ==
  \/ GoAway \/ ComeBack
  \/ \E n \in Nodes :
       \/ Read(n) \/ ReadAgain(n) \/ Claim(n)
       \/ Insert(n) \/ Spill(n) \/ Sync(n) \/ Bury(n) \/ Ack(n)
       \/ Replay(n) \/ Drop(n)
       \/ Crash(n) \/ Restart(n)

(* When nothing breaks any more, and Postgres is back. *)
Spec ==
  /\ Init
  /\ [][Next]_vars
  /\ WF_vars(ComeBack)
  /\ \A n \in Nodes :
       /\ WF_vars(Restart(n))
       /\ WF_vars(Read(n))
       /\ WF_vars(ReadAgain(n))
       /\ WF_vars(Insert(n))
       /\ WF_vars(Bury(n))
       /\ WF_vars(Ack(n))
       /\ WF_vars(Replay(n))
       /\ WF_vars(Drop(n))

-----------------------------------------------------------------------------
OnADisk(v) == \E n \in Nodes : v \in spilled[n]
Lasts(e) == IF e \in Bad THEN e \in dead ELSE rows[EventOf(e)] > 0 \/ OnADisk(EventOf(e))

Types ==
  /\ \A n \in Nodes : lasting[n] \subseteq hand[n]
  /\ \A n \in Nodes \ up : hand[n] = {} /\ written[n] = {}
  /\ \A e \in Entries : pendingTo[e] \in Nodes \cup {None}

(* ING-20: nothing is acknowledged that does not last. *)
AcknowledgedLasts == \A e \in acked : Lasts(e)

(* ING-1 *)
OneRowEach == \A v \in Events : rows[v] <= 1

(* Until then somebody is given it: it is unread, or pending to somebody. *)
NoneIsForgotten == \A e \in Entries : e \in unread \/ e \in acked \/ pendingTo[e] # None

-----------------------------------------------------------------------------
(* ING-25, ING-26, ING-32: all of it is a row or a dead letter in the end. *)
AllLandsInTheEnd == <>[](\A e \in Entries : IF e \in Bad THEN e \in dead ELSE rows[EventOf(e)] = 1)
AllIsAcknowledgedInTheEnd == <>[](acked = Entries)

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverAckedFromDisk == \A e \in acked : e \in Bad \/ rows[EventOf(e)] > 0
NeverGivenTwice == \A n \in Nodes : \A m \in Nodes \ {n} : hand[n] \cap hand[m] = {}
NeverRowBeforeAck == \A e \in Entries \ Bad : ~(rows[EventOf(e)] > 0 /\ e \notin acked /\ \A n \in Nodes : e \notin hand[n])
NeverSpilledAndRow == \A v \in Events : ~(OnADisk(v) /\ rows[v] > 0)
=============================================================================
