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
(* - Somebody may have the file read at once, without a change (`SIGHUP`),   *)
(*   and the watcher may be closed, whatever it is at.                       *)
EXTENDS Integers, Sequences

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
  refusing,     \* whether what may be refused is
  closed,
  last          \* once it is closed: the last report that there may be

vars == <<file, inForce, told, quiet, since, step, seen, again, report, refusing, closed, last>>
ends == <<closed, last>>

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
  /\ closed = FALSE
  /\ last = 0

(* Somebody writes the file. *)
Change ==
  /\ file < ChangesMax
  /\ file' = file + 1
  /\ told' = ~closed
  /\ UNCHANGED <<inForce, quiet, since, step, seen, again, report, refusing, ends>>

(* The system says so: the timer is set anew, and no later than it may be. *)
Notify ==
  /\ told
  /\ told' = FALSE
  /\ quiet' = 0
  /\ since' = IF since = None THEN 0 ELSE since
  /\ UNCHANGED <<file, inForce, step, seen, again, report, refusing, ends>>

IsDue == quiet # None /\ (quiet >= Quiet \/ since >= QuietMax)

(* Time does not pass by a timer that is due. *)
Pass ==
  /\ quiet # None
  /\ ~IsDue
  /\ quiet' = quiet + 1
  /\ since' = since + 1
  /\ UNCHANGED <<file, inForce, told, step, seen, again, report, refusing, ends>>

(* One reading at a time. One that is under way is told to read again. *)
BeginReading ==
  /\ quiet' = None
  /\ since' = None
  /\ IF step = "idle"
     THEN step' = "reading" /\ again' = FALSE
     ELSE again' = TRUE /\ UNCHANGED step
  /\ UNCHANGED <<file, inForce, told, seen, report, refusing, ends>>

Reload == IsDue /\ BeginReading

(* Somebody asks for it, and waits for no timer. *)
Ask == ~closed /\ BeginReading

(* What is read: of any moment from its beginning on. *)
Read ==
  /\ step = "reading"
  /\ step' = "read"
  /\ seen' = file
  /\ UNCHANGED <<file, inForce, told, quiet, since, again, report, refusing, ends>>

(* It is reported, and read again if that was asked for since it was begun to be read: not by one that is closed. *)
GoOn ==
  /\ report' = IF closed THEN report ELSE seen
  /\ step' = IF again /\ ~closed THEN "reading" ELSE "idle"
  /\ again' = FALSE

(* What is in force is not offered; nor is anything by one that is closed. *)
Compare ==
  /\ step = "read"
  /\ IF seen = inForce \/ closed
     THEN GoOn
     ELSE step' = "offering" /\ UNCHANGED <<again, report>>
  /\ UNCHANGED <<file, inForce, told, quiet, since, seen, refusing, ends>>

Answer ==
  /\ step = "offering"
  /\ inForce' = IF refusing /\ seen \in Refused THEN inForce ELSE seen
  /\ GoOn
  /\ UNCHANGED <<file, told, quiet, since, seen, refusing, ends>>

(* What was the matter with it is not any more. *)
Relent ==
  /\ refusing
  /\ refusing' = FALSE
  /\ UNCHANGED <<file, inForce, told, quiet, since, step, seen, again, report, ends>>

(* It hears of nothing any more. What is under way ends by itself. *)
Close ==
  /\ ~closed
  /\ closed' = TRUE
  /\ last' = report
  /\ told' = FALSE
  /\ quiet' = None
  /\ since' = None
  /\ UNCHANGED <<file, inForce, step, seen, again, report, refusing>>

Next == Change \/ Notify \/ Pass \/ Reload \/ Ask \/ Read \/ Compare \/ Answer \/ Relent \/ Close

(* Nobody has to change the file, to ask, to relent or to close. *)
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
InForceWasReported == inForce <= report \/ closed

(* A busy file is not put off for ever. *)
ReadInTime == since <= QuietMax

(* Every change that is not read yet is on its way: a notification, a timer, or a reading that will see it. *)
NoneIsForgotten ==
  file # report =>
    \/ closed
    \/ told
    \/ quiet # None
    \/ again
    \/ step = "reading"
    \/ (step \in {"read", "offering"} /\ seen = file)

(* After its end nothing is reported. *)
ClosedIsSilent == closed => report = last

-----------------------------------------------------------------------------
(* No notification is missed: the last contents are reported. *)
LastIsReported == <>[](report = file \/ closed)

(* What nobody refuses is in force in the end. *)
LastIsInForce == <>[](inForce = file \/ file \in Refused \/ closed)

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverAgain == ~again
NeverRefused == ~(step = "idle" /\ report # inForce)
NeverPutOff == ~(quiet = 0 /\ since >= QuietMax)
NeverReadWhileTold == ~(step = "read" /\ told)
NeverClosedWhileOffering == ~(closed /\ step = "offering")
=============================================================================
