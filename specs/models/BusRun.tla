------------------------------- MODULE BusRun -------------------------------
(* A run of the real bus, as a list of looks at it, followed through the     *)
(* model: between two looks one step at most is taken, and in each of them   *)
(* what always holds does.                                                   *)
(*                                                                           *)
(* Between two calls that follow each other without an await, the bus is not *)
(* at rest: who was given what is seen by those who wait a little later, and *)
(* only then. What the bus counts, and where a cursor is, is seen always.    *)
(* The ring is never seen, but in what is read of it.                        *)
(*                                                                           *)
(* A run is one of the model where `NeverEnds` is violated.                  *)
EXTENDS Bus

CONSTANT Looks

VARIABLES
  at,     \* the look that is next
  moved,  \* whether the step before it is taken
  did     \* the step that was taken last

Look == Looks[at]

RECURSIVE LearnedBy(_)
LearnedBy(set) ==
  IF set = {} THEN 0
  ELSE LET s == CHOOSE one \in set : TRUE
       IN lagged[s] + LearnedBy(set \ {s})

SeenOf(s) ==
  /\ place[s] = Look.place[s]
  /\ first[s] = Look.first[s]
  /\ heard[s] = Look.heard[s]
  /\ heardCount[s] = Look.heardCount[s]
  /\ lagged[s] = Look.lagged[s]

Arrived ==
  /\ published = Look.published
  /\ dropped = Look.dropped
  /\ LearnedBy(Subscribers) = Look.learned
  /\ \A s \in Subscribers : cursor[s] = Look.cursor[s]
  /\ Look.rests => \A s \in Subscribers : SeenOf(s)

Holds == Types /\ Accounted /\ InOrder /\ DropsAreCounted /\ NobodyWaitsInVain

RunInit == Init /\ at = 1 /\ moved = FALSE /\ did = "Init"

Move ==
  /\ ~moved
  /\ moved' = TRUE
  /\ \/ Publish /\ did' = "Publish"
     \/ \E s \in Subscribers :
          \/ Subscribe(s) /\ did' = "Subscribe"
          \/ Take(s) /\ did' = "Take"
          \/ Wait(s) /\ did' = "Wait"
          \/ Close(s) /\ did' = "Close"
  /\ UNCHANGED at

See ==
  /\ Arrived
  /\ Holds
  /\ at' = at + 1
  /\ moved' = FALSE
  /\ did' = "See"
  /\ UNCHANGED vars

RunNext == at <= Len(Looks) /\ (Move \/ See)

NeverEnds == at <= Len(Looks)
=============================================================================
