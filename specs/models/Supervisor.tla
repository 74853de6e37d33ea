----------------------------- MODULE Supervisor -----------------------------
(* How children are restarted, and quarantined: supervisor/supervisor.ts     *)
(* under one-for-one, with the life of a child of supervisor/child-chart.ts. *)
(*                                                                           *)
(* - A crash and what is decided on it are one step, as they are one note in *)
(*   the supervisor's inbox. `crashed` is seen from outside only of one that *)
(*   escalated, while it waits for its turn to be stopped.                   *)
(* - `degraded` counts as running, and a start that fails as a crash.        *)
(* - Time is what has passed: ages grow, and what is older than it matters   *)
(*   is forgotten. So there are finitely many states, and no end of time.    *)
(* - Jitter is full: a pause may end at any time up to its ceiling, and time *)
(*   does not pass beyond it. A timer may be `Late`.                         *)
(*                                                                           *)
(* Every step names what it changes. What it says of real runs:              *)
(* chaos/models/supervisor-run.ts.                                           *)
EXTENDS Naturals, Sequences

CONSTANTS
  Children,
  RestartsMax,    \* of one child within Period: one crash more quarantines
  IntensityMax,   \* of all children within Period: one more escalates
  Period,
  BackoffMin,     \* ceiling of the first pause; it doubles
  BackoffMax,
  Stable,         \* a life that lasted so long makes the next pause short
  ProbeMin,       \* pause before the first probe; it doubles
  ProbeMax,
  Late,           \* how late a timer may be
  Jumps           \* by how much time may pass at once

VARIABLES
  phase,       \* "up", or "closing" for good
  state,       \* of each child
  age,         \* of a child: since it runs, backs off or is quarantined
  window,      \* ages of the crashes that count, the oldest first
  crashes,     \* since it was stable: how far its pauses have doubled
  probes,      \* that failed: how far the pauses between probes have doubled
  probation,   \* brought up by a probe, and not stable since
  restarts,    \* of a child: ages of the restarts that nobody asked for
  intensity,   \* ages of the restarts of all
  late         \* whether a life began after the way down had

vars == <<phase, state, age, window, crashes, probes, probation, restarts, intensity, late>>

-----------------------------------------------------------------------------
Min(a, b) == IF a < b THEN a ELSE b

Doubled(first, times, max) == Min(max, first * 2 ^ times)

(* Of the pause after so many crashes, and before a probe after so many that failed. *)
Ceiling(n) == Doubled(BackoffMin, n - 1, BackoffMax)
ProbePause(n) == Doubled(ProbeMin, n, ProbeMax)

(* Counts that no longer change a pause are not told apart. *)
OneMoreCrash(n) == IF n > 0 /\ Ceiling(n) = BackoffMax THEN n ELSE n + 1
OneMoreProbe(n) == IF ProbePause(n) = ProbeMax THEN n ELSE n + 1

(* Ages after a while: what is as old as the period is outside of it. *)
Older(ages, by) ==
  SelectSeq([i \in 1..Len(ages) |-> ages[i] + by], LAMBDA a : a < Period)

(* At most one more than the budget is remembered. *)
Noted(ages, max) ==
  LET all == Append(ages, 0)
  IN IF Len(all) > max + 1 THEN Tail(all) ELSE all

(* The longest that something may be waited for; none where nothing waits. *)
Limit(c) ==
  CASE state[c] = "backing-off" -> Ceiling(crashes[c]) + Late
    [] state[c] = "quarantined" -> ProbePause(probes[c]) + Late
    [] OTHER -> 0
Waits(c) == state[c] \in {"backing-off", "quarantined"}

(* Past what is interesting about it an age stands still. *)
Aged(c, by) ==
  CASE state[c] = "running" -> Min(Stable, age[c] + by)
    [] Waits(c) -> age[c] + by
    [] OTHER -> age[c]

WasStable(c) == state[c] = "running" /\ age[c] >= Stable

-----------------------------------------------------------------------------
Init ==
  /\ phase = "up"
  /\ state = [c \in Children |-> "starting"]
  /\ age = [c \in Children |-> 0]
  /\ window = [c \in Children |-> <<>>]
  /\ crashes = [c \in Children |-> 0]
  /\ probes = [c \in Children |-> 0]
  /\ probation = [c \in Children |-> FALSE]
  /\ restarts = [c \in Children |-> <<>>]
  /\ intensity = <<>>
  /\ late = FALSE

Pass(by) ==
  /\ phase = "up"
  /\ \A c \in Children : Waits(c) => age[c] + by <= Limit(c)
  /\ age' = [c \in Children |-> Aged(c, by)]
  /\ window' = [c \in Children |-> Older(window[c], by)]
  /\ restarts' = [c \in Children |-> Older(restarts[c], by)]
  /\ intensity' = Older(intensity, by)
  /\ UNCHANGED <<phase, state, crashes, probes, probation, late>>

Up(c) ==
  /\ state[c] \in {"starting", "probing"}
  /\ state' = [state EXCEPT ![c] = "running"]
  /\ age' = [age EXCEPT ![c] = 0]
  /\ UNCHANGED <<phase, window, crashes, probes, probation, restarts, intensity, late>>

(* What is decided on a crash of a life that no probe began. *)
Quarantine(c) ==
  /\ state' = [state EXCEPT ![c] = "quarantined"]
  /\ age' = [age EXCEPT ![c] = 0]
  /\ probation' = [probation EXCEPT ![c] = TRUE]
  /\ probes' = [probes EXCEPT ![c] = IF WasStable(c) THEN 0 ELSE @]
  /\ UNCHANGED <<phase, restarts, intensity>>

Escalate(c) ==
  /\ phase' = "closing"
  /\ state' = [state EXCEPT ![c] = "crashed"]
  /\ UNCHANGED <<age, probes, probation, restarts, intensity>>

BackOff(c, all, onProbation) ==
  /\ state' = [state EXCEPT ![c] = "backing-off"]
  /\ age' = [age EXCEPT ![c] = 0]
  /\ probation' = [probation EXCEPT ![c] = onProbation]
  /\ probes' = [probes EXCEPT ![c] = IF WasStable(c) THEN 0 ELSE @]
  /\ intensity' = all
  /\ UNCHANGED <<phase, restarts>>

Crash(c) ==
  /\ phase = "up"
  /\ state[c] \in {"starting", "running"}
  /\ LET seen == Noted(window[c], RestartsMax)
         all == Noted(intensity, IntensityMax)
         onProbation == probation[c] /\ ~WasStable(c)
     IN /\ window' = [window EXCEPT ![c] = seen]
        /\ crashes' = [crashes EXCEPT ![c] = IF WasStable(c) THEN 1 ELSE OneMoreCrash(@)]
        /\ IF Len(seen) > RestartsMax \/ onProbation
           THEN Quarantine(c)
           ELSE IF Len(all) > IntensityMax
           THEN Escalate(c)
           ELSE BackOff(c, all, onProbation)
  /\ UNCHANGED late

(* A life that a probe began does not count in the window. *)
ProbeCrash(c) ==
  /\ phase = "up"
  /\ state[c] = "probing"
  /\ state' = [state EXCEPT ![c] = "quarantined"]
  /\ age' = [age EXCEPT ![c] = 0]
  /\ probes' = [probes EXCEPT ![c] = OneMoreProbe(@)]
  /\ UNCHANGED <<phase, window, crashes, probation, restarts, intensity, late>>

(* The pause is over, which may be any time after it began. *)
Due(c) ==
  /\ phase = "up"
  /\ state[c] = "backing-off"
  /\ state' = [state EXCEPT ![c] = "starting"]
  /\ age' = [age EXCEPT ![c] = 0]
  /\ restarts' = [restarts EXCEPT ![c] = Append(@, 0)]
  /\ late' = (phase # "up")
  /\ UNCHANGED <<phase, window, crashes, probes, probation, intensity>>

Probe(c) ==
  /\ phase = "up"
  /\ state[c] = "quarantined"
  /\ age[c] >= ProbePause(probes[c])
  /\ state' = [state EXCEPT ![c] = "probing"]
  /\ late' = (phase # "up")
  /\ UNCHANGED <<phase, age, window, crashes, probes, probation, restarts, intensity>>

(* An operator wants it up: it has a fresh budget. *)
Resume(c) ==
  /\ phase = "up"
  /\ state[c] \in {"stopped", "backing-off", "quarantined"}
  /\ state' = [state EXCEPT ![c] = "starting"]
  /\ age' = [age EXCEPT ![c] = 0]
  /\ window' = [window EXCEPT ![c] = <<>>]
  /\ crashes' = [crashes EXCEPT ![c] = 0]
  /\ probes' = [probes EXCEPT ![c] = 0]
  /\ probation' = [probation EXCEPT ![c] = FALSE]
  /\ restarts' = [restarts EXCEPT ![c] = <<>>]
  /\ late' = (phase # "up")
  /\ UNCHANGED <<phase, intensity>>

(* By command, or because everything goes down. *)
Stop(c) ==
  /\ state[c] \notin {"stopped", "stopping"}
  /\ state' = [state EXCEPT ![c] = "stopping"]
  /\ UNCHANGED <<phase, age, window, crashes, probes, probation, restarts, intensity, late>>

Stopped(c) ==
  /\ state[c] = "stopping"
  /\ state' = [state EXCEPT ![c] = "stopped"]
  /\ UNCHANGED <<phase, age, window, crashes, probes, probation, restarts, intensity, late>>

GoDown(c) == phase = "closing" /\ Stop(c)

Next ==
  \/ \E by \in Jumps : Pass(by)
  \/ \E c \in Children :
       \/ Up(c) \/ Crash(c) \/ ProbeCrash(c) \/ Due(c) \/ Probe(c)
       \/ Resume(c) \/ Stop(c) \/ Stopped(c)

Fairness ==
  /\ WF_vars(\E by \in Jumps : Pass(by))
  /\ \A c \in Children :
       /\ WF_vars(Up(c))
       /\ WF_vars(Due(c))
       /\ WF_vars(Probe(c))
       /\ WF_vars(GoDown(c))
       /\ WF_vars(Stopped(c))

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
Types ==
  /\ phase \in {"up", "closing"}
  /\ \A c \in Children :
       /\ state[c] \in
            {"starting", "running", "crashed", "backing-off", "quarantined", "probing", "stopping", "stopped"}
       /\ Len(window[c]) <= RestartsMax + 1
  /\ Len(intensity) <= IntensityMax + 1

(* SUP-5: what is restarted has crashed no more than its budget allows. *)
Budget ==
  \A c \in Children :
    state[c] \in {"backing-off", "starting"} => Len(window[c]) <= RestartsMax

(* What that comes to: a long pause before the first may put one restart more into a window. *)
Restarts == \A c \in Children : Len(restarts[c]) <= RestartsMax + 1

(* SUP-8 *)
Intensity == phase = "up" => Len(intensity) <= IntensityMax

(* SUP-7: nothing but a word or a probe brings back what was quarantined, and until it is stable a crash leads straight back. *)
Quarantined ==
  \A c \in Children : state[c] \in {"backing-off", "starting"} => ~probation[c]

(* SUP-4 *)
Pauses ==
  \A c \in Children : state[c] = "backing-off" => age[c] <= Ceiling(crashes[c]) + Late

(* SUP-7: a probe is never early. *)
ProbesWait ==
  \A c \in Children : state[c] = "probing" => age[c] >= ProbePause(probes[c])

(* SUP-9 *)
NothingStartsLate == ~late

-----------------------------------------------------------------------------
BackoffEnds == \A c \in Children : state[c] = "backing-off" ~> state[c] # "backing-off"
QuarantineIsProbed == \A c \in Children : state[c] = "quarantined" ~> state[c] # "quarantined"
StopsEnd == \A c \in Children : state[c] = "stopping" ~> state[c] # "stopping"
EscalationEnds == phase = "closing" ~> (\A c \in Children : state[c] = "stopped")

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverQuarantined == \A c \in Children : state[c] # "quarantined"
NeverBackByProbe == \A c \in Children : ~(state[c] = "running" /\ probation[c])
NeverProbeFailed == \A c \in Children : probes[c] = 0
NeverLongPause == \A c \in Children : ~(state[c] = "backing-off" /\ Ceiling(crashes[c]) = BackoffMax)
NeverClosing == phase = "up"
NeverOneRestartMore == \A c \in Children : Len(restarts[c]) <= RestartsMax
=============================================================================
