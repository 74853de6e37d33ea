-------------------------------- MODULE Bus --------------------------------
(* The lossy broadcast of runtime/bus.ts: one ring, one cursor for each      *)
(* subscriber, and subscribers that take what is there or wait.              *)
(*                                                                           *)
(* Events are numbered as they are published, from 1, and a cell of the ring *)
(* holds the number of the event in it. A step is what happens on one thread *)
(* without an await: a publication wakes whoever waits before it returns.    *)
(*                                                                           *)
(* That a publisher never waits is said by `PublisherGoesOn` where nobody is *)
(* `Diligent`: whatever subscribers do, or do not do, all is published.      *)
EXTENDS Naturals, Sequences

CONSTANTS
  Subscribers,
  Diligent,    \* of them: those who are promised to read on
  Capacity,    \* of the ring
  EventsMax    \* published in all

VARIABLES
  ring,
  published,   \* events so far
  place,       \* of a subscriber: "away", "reading", "waiting" or "closed"
  cursor,      \* events before the next that it reads
  first,       \* events that were published before it came
  heard,       \* the number of the last event that it was given
  heardCount,
  lagged,      \* events that it learned it had missed
  dropped      \* counted by the bus, over all subscribers

vars == <<ring, published, place, cursor, first, heard, heardCount, lagged, dropped>>

-----------------------------------------------------------------------------
Max(a, b) == IF a > b THEN a ELSE b
Cell(n) == n % Capacity
Oldest(count) == IF count > Capacity THEN count - Capacity ELSE 0
There(s) == place[s] \in {"reading", "waiting"}

Init ==
  /\ ring = [i \in 0..(Capacity - 1) |-> 0]
  /\ published = 0
  /\ place = [s \in Subscribers |-> "away"]
  /\ cursor = [s \in Subscribers |-> 0]
  /\ first = [s \in Subscribers |-> 0]
  /\ heard = [s \in Subscribers |-> 0]
  /\ heardCount = [s \in Subscribers |-> 0]
  /\ lagged = [s \in Subscribers |-> 0]
  /\ dropped = 0

(* Those whose next event is overwritten by this one. *)
Passed == {s \in Subscribers : There(s) /\ published >= Capacity /\ cursor[s] <= published - Capacity}

RECURSIVE Size(_)
Size(set) == IF set = {} THEN 0 ELSE 1 + Size(set \ {CHOOSE one \in set : TRUE})

(* Whoever waits has read all there was, so that it is given this very event. *)
Publish ==
  /\ published < EventsMax
  /\ published' = published + 1
  /\ ring' = [ring EXCEPT ![Cell(published)] = published + 1]
  /\ dropped' = dropped + Size(Passed)
  /\ LET woken == {s \in Subscribers : place[s] = "waiting"}
     IN /\ place' = [s \in Subscribers |-> IF s \in woken THEN "reading" ELSE place[s]]
        /\ cursor' = [s \in Subscribers |-> IF s \in woken THEN cursor[s] + 1 ELSE cursor[s]]
        /\ heard' = [s \in Subscribers |-> IF s \in woken THEN ring'[Cell(cursor[s])] ELSE heard[s]]
        /\ heardCount' = [s \in Subscribers |-> IF s \in woken THEN heardCount[s] + 1 ELSE heardCount[s]]
  /\ UNCHANGED <<first, lagged>>

Subscribe(s) ==
  /\ place[s] = "away"
  /\ place' = [place EXCEPT ![s] = "reading"]
  /\ cursor' = [cursor EXCEPT ![s] = published]
  /\ first' = [first EXCEPT ![s] = published]
  /\ heard' = [heard EXCEPT ![s] = published]
  /\ UNCHANGED <<ring, published, heardCount, lagged, dropped>>

(* The next event that is still there; what was lost before it is learned with it. *)
Take(s) ==
  /\ place[s] = "reading"
  /\ cursor[s] # published
  /\ LET from == Max(cursor[s], Oldest(published))
     IN /\ lagged' = [lagged EXCEPT ![s] = @ + (from - cursor[s])]
        /\ heard' = [heard EXCEPT ![s] = ring[Cell(from)]]
        /\ heardCount' = [heardCount EXCEPT ![s] = @ + 1]
        /\ cursor' = [cursor EXCEPT ![s] = from + 1]
  /\ UNCHANGED <<ring, published, place, first, dropped>>

(* Only where there is nothing to take. *)
Wait(s) ==
  /\ place[s] = "reading"
  /\ cursor[s] = published
  /\ place' = [place EXCEPT ![s] = "waiting"]
  /\ UNCHANGED <<ring, published, cursor, first, heard, heardCount, lagged, dropped>>

(* Whoever waits is told that there is no more. *)
Close(s) ==
  /\ There(s)
  /\ place' = [place EXCEPT ![s] = "closed"]
  /\ UNCHANGED <<ring, published, cursor, first, heard, heardCount, lagged, dropped>>

Next == Publish \/ \E s \in Subscribers : Subscribe(s) \/ Take(s) \/ Wait(s) \/ Close(s)

Spec ==
  /\ Init
  /\ [][Next]_vars
  /\ WF_vars(Publish)
  /\ \A s \in Diligent : WF_vars(Take(s)) /\ WF_vars(Wait(s))

-----------------------------------------------------------------------------
Unlearned(s) == IF Oldest(published) > cursor[s] THEN Oldest(published) - cursor[s] ELSE 0

RECURSIVE LostBy(_)
LostBy(set) ==
  IF set = {} THEN 0
  ELSE LET s == CHOOSE one \in set : TRUE
       IN lagged[s] + Unlearned(s) + LostBy(set \ {s})

Types ==
  /\ published <= EventsMax
  /\ \A s \in Subscribers : cursor[s] <= published /\ place[s] \in {"away", "reading", "waiting", "closed"}

(* Since it came, what it did not hear it learned that it had missed. *)
Accounted == \A s \in Subscribers : first[s] + heardCount[s] + lagged[s] = cursor[s]

(* The event that it was given last is the one before its cursor: in order, and none twice. *)
InOrder == \A s \in Subscribers : place[s] # "away" => heard[s] = cursor[s]

(* Of those that are there every loss is counted once, whether they have learned of it or not. *)
DropsAreCounted ==
  (\A s \in Subscribers : place[s] # "closed") => dropped = LostBy({s \in Subscribers : There(s)})

(* No wake-up is lost: nobody waits for what is there already. *)
NobodyWaitsInVain == \A s \in Subscribers : place[s] = "waiting" => cursor[s] = published

-----------------------------------------------------------------------------
PublisherGoesOn == <>(published = EventsMax)

(* Nothing is missed: in the end everybody who did not leave has heard, or has learned it missed, all. *)
AllIsToldInTheEnd ==
  \A s \in Diligent : <>[](place[s] \in {"away", "closed"} \/ cursor[s] = EventsMax)

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverDropped == dropped = 0
NeverLagged == \A s \in Subscribers : lagged[s] = 0
NeverWaiting == \A s \in Subscribers : place[s] # "waiting"
NeverClosedBehind == \A s \in Subscribers : ~(place[s] = "closed" /\ cursor[s] < published)
=============================================================================
