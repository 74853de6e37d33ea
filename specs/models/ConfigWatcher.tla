--------------------------- MODULE ConfigWatcher ---------------------------
(* How a change of the configuration file comes into force: the watcher of  *)
(* runtime/config/watcher.ts.                                                *)
(*                                                                           *)
(* - The file is told apart by the number of its last change. Some contents  *)
(*   are refused by whoever they are offered to; a refusal may be temporary. *)
(* - A notification may come late, and several changes may come as one.      *)
(* - Reading is three steps: it begins, the contents are those of one moment *)
(*   in between, and it ends. So is an offer: it begins, and is answered.    *)
(* - Time: `quiet` and `since` count what has passed since the last and the  *)
(*   first change that was heard of and not read.                            *)
EXTENDS Integers

CONSTANTS
  ChangesMax,   \* of the file
  Refused,      \* contents that are refused while refusals last
  Quiet,        \* without a change, before the file is read
  QuietMax      \* after the first change it is read all the same

None == -1

VARIABLES
  file,         \* contents now
  inForce,      \* contents that were accepted last
  told,         \* whether a notification is on its way
  quiet, since, \* None: no timer is set
  step,         \* of the reader: "idle", "reading", "read" or "offering"
  seen,         \* contents that the reading has seen
  again,        \* whether it is to be read once more
  report,       \* contents of the last report, whatever became of them
  refusing      \* whether what may be refused is

vars == <<file, inForce, told, quiet, since, step, seen, again, report, refusing>>

-----------------------------------------------------------------------------
Init ==
  /\ file = 0
  /\ inForce = 0
  /\ told = FALSE
  /\ quiet = None
  /\ since = None
  /\ step = "idle"
  /\ seen = 0
  /\ again = FALSE
  /\ report = 0
  /\ refusing = TRUE

(* Somebody writes the file. *)
Change ==
  /\ file < ChangesMax
  /\ file' = file + 1
  /\ told' = TRUE
  /\ UNCHANGED <<inForce, quiet, since, step, seen, again, report, refusing>>

(* The system says so: the timer is set anew, and no later than it may be. *)
Notify ==
  /\ told
  /\ told' = FALSE
  /\ quiet' = 0
  /\ since' = IF since = None THEN 0 ELSE since
  /\ UNCHANGED <<file, inForce, step, seen, again, report, refusing>>

IsDue == quiet # None /\ (quiet >= Quiet \/ since >= QuietMax)

(* Time does not pass by a timer that is due. *)
Pass ==
  /\ quiet # None
  /\ ~IsDue
  /\ quiet' = quiet + 1
  /\ since' = since + 1
  /\ UNCHANGED <<file, inForce, told, step, seen, again, report, refusing>>

(* One reading at a time. One that is under way is told to read again. *)
Reload ==
  /\ IsDue
  /\ quiet' = None
  /\ since' = None
  /\ IF step = "idle"
     THEN step' = "reading" /\ again' = FALSE
     ELSE again' = TRUE /\ UNCHANGED step
  /\ UNCHANGED <<file, inForce, told, seen, report, refusing>>

(* What is read: of any moment from its beginning on. *)
Read ==
  /\ step = "reading"
  /\ step' = "read"
  /\ seen' = file
  /\ UNCHANGED <<file, inForce, told, quiet, since, again, report, refusing>>

(* After a report the file is read again, if that was asked for since it was begun to be read. *)
GoOn ==
  /\ step' = IF again THEN "reading" ELSE "idle"
  /\ again' = FALSE

(* What is in force is not offered. *)
Compare ==
  /\ step = "read"
  /\ IF seen = inForce
     THEN report' = seen /\ GoOn
     ELSE step' = "offering" /\ UNCHANGED <<again, report>>
  /\ UNCHANGED <<file, inForce, told, quiet, since, seen, refusing>>

Answer ==
  /\ step = "offering"
  /\ inForce' = IF refusing /\ seen \in Refused THEN inForce ELSE seen
  /\ report' = seen
  /\ GoOn
  /\ UNCHANGED <<file, told, quiet, since, seen, refusing>>

(* What was the matter with it is not any more. *)
Relent ==
  /\ refusing
  /\ refusing' = FALSE
  /\ UNCHANGED <<file, inForce, told, quiet, since, step, seen, again, report>>

Next == Change \/ Notify \/ Pass \/ Reload \/ Read \/ Compare \/ Answer \/ Relent

(* Nobody has to change the file, nor to relent. *)
Spec ==
  /\ Init
  /\ [][Next]_vars
  /\ WF_vars(Notify)
  /\ WF_vars(Pass)
  /\ WF_vars(Reload)
  /\ WF_vars(Read)
  /\ WF_vars(Compare)
  /\ WF_vars(Answer)

-----------------------------------------------------------------------------
Types ==
  /\ file \in 0..ChangesMax
  /\ seen <= file
  /\ report <= file
  /\ step \in {"idle", "reading", "read", "offering"}

(* Nothing is in force that was refused, and nothing that nobody was told of. *)
RefusedIsNotInForce == refusing => inForce \notin Refused
InForceWasReported == inForce <= report

(* A busy file is not put off for ever. *)
ReadInTime == since <= QuietMax

(* Every change that is not read yet is on its way: a notification, a timer, or a reading that will see it. *)
NoneIsForgotten ==
  file # report =>
    \/ told
    \/ quiet # None
    \/ again
    \/ step = "reading"
    \/ (step \in {"read", "offering"} /\ seen = file)

-----------------------------------------------------------------------------
(* No notification is missed: the last contents are reported. *)
LastIsReported == <>[](report = file)

(* What nobody refuses is in force in the end. *)
LastIsInForce == <>[](inForce = file \/ file \in Refused)

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverAgain == ~again
NeverRefused == ~(step = "idle" /\ report # inForce)
NeverPutOff == ~(quiet = 0 /\ since >= QuietMax)
NeverReadWhileTold == ~(step = "read" /\ told)
=============================================================================
