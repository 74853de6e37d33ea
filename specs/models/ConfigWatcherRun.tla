-------------------------- MODULE ConfigWatcherRun --------------------------
(* A run of the real watcher, as a list of looks at it, followed through the *)
(* model: between two looks some time passes, and one thing happens at most. *)
(*                                                                           *)
(* - Who looks does so where everything that the watcher can do by itself is *)
(*   done, before something comes to it: a change, a notification, a timer,  *)
(*   contents of the file, an answer.                                        *)
(* - Of the timer it is seen when it is due, and so how long the file was    *)
(*   quiet and put off. Whether it is to be read again is never seen, but in *)
(*   what follows.                                                           *)
(* - Contents that are `Unreadable` are refused without being offered: what  *)
(*   the model does in two steps is one.                                     *)
(*                                                                           *)
(* A run is one of the model where `NeverEnds` is violated.                  *)
EXTENDS ConfigWatcher

CONSTANTS Looks, Unreadable

VARIABLES
  at,       \* the look that is next
  moved,    \* whether what happens before it has
  left,     \* time that passes before it
  asks,     \* so far: else whatever is read too early was asked for
  reports,  \* so far
  kind,     \* of the last one
  did       \* the step that was taken last

Look == Looks[at]
Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b

(* Until the timer runs. *)
DueIn == IF quiet = None THEN None ELSE Max(0, Min(Quiet - quiet, QuietMax - since))

Arrived ==
  /\ file = Look.file
  /\ told = Look.told
  /\ DueIn = Look.due
  /\ step = Look.step
  /\ (step \in {"read", "offering"} => seen = Look.seen)
  /\ inForce = Look.inForce
  /\ refusing = Look.refusing
  /\ closed = Look.closed
  /\ asks = Look.asks
  /\ reports = Look.reports
  /\ kind = Look.kind

Holds ==
  Types /\ RefusedIsNotInForce /\ InForceWasReported /\ ReadInTime /\ NoneIsForgotten /\ ClosedIsSilent

RunInit ==
  /\ Init
  /\ at = 1
  /\ moved = FALSE
  /\ left = Looks[1].by
  /\ asks = 0
  /\ reports = 0
  /\ kind = "none"
  /\ did = "Init"

(* Where there is no timer, time changes nothing. *)
Elapse ==
  /\ left > 0
  /\ left' = left - 1
  /\ \/ Pass /\ did' = "Pass"
     \/ quiet = None /\ UNCHANGED vars /\ did' = "See"
  /\ UNCHANGED <<at, moved, asks, reports, kind>>

(* As the model has it, and what it is called where it is told of. *)
Told(what) ==
  /\ reports' = IF closed THEN reports ELSE reports + 1
  /\ kind' = IF closed THEN kind ELSE what

Nothing == UNCHANGED <<reports, kind>>

Move ==
  /\ ~moved
  /\ \/ Change /\ did' = "Change" /\ moved' = TRUE /\ Nothing
     \/ Notify /\ did' = "Notify" /\ moved' = TRUE /\ Nothing
     \/ Reload /\ did' = "Reload" /\ moved' = TRUE /\ Nothing
     \/ Ask /\ did' = "Ask" /\ moved' = TRUE /\ Nothing
     \/ Read /\ did' = "Read" /\ moved' = TRUE /\ Nothing
     \/ Relent /\ did' = "Relent" /\ moved' = TRUE /\ Nothing
     \/ Close /\ did' = "Close" /\ moved' = TRUE /\ Nothing
     \/ Compare /\ did' = "Compare" /\
          IF step' = "offering"
          THEN moved' = (seen \notin Unreadable) /\ Nothing
          ELSE moved' = TRUE /\ Told("unchanged")
     \/ Answer /\ did' = "Answer" /\ moved' = TRUE /\
          Told(IF refusing /\ seen \in Refused THEN "kept" ELSE "accepted")
  /\ asks' = IF did' = "Ask" THEN asks + 1 ELSE asks
  /\ UNCHANGED <<at, left>>

See ==
  /\ left = 0
  /\ Arrived
  /\ Holds
  /\ at' = at + 1
  /\ left' = IF at < Len(Looks) THEN Looks[at + 1].by ELSE 0
  /\ moved' = FALSE
  /\ did' = "See"
  /\ UNCHANGED <<asks, reports, kind>>
  /\ UNCHANGED vars

RunNext == at <= Len(Looks) /\ (Elapse \/ Move \/ See)

NeverEnds == at <= Len(Looks)
=============================================================================
