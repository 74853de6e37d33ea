---------------------------- MODULE SupervisorRun ----------------------------
(* A run of the real supervisor, as a list of looks at it, followed through  *)
(* the model: before each look time passes, and then things happen in no     *)
(* time. Who looks does so at every moment at which anything may happen.     *)
(*                                                                           *)
(* A run is one of the model where `NeverEnds` is violated.                  *)
EXTENDS Supervisor

(* Of each look: how long after the one before, and of each child its state, the lives that it has begun, those that *)
(* ended by themselves, those of them that never came up, and how often it was resumed by a word.                    *)
CONSTANT Looks

VARIABLES
  at,      \* the look that is next
  timed,   \* whether the time before it has passed
  begun,   \* lives of a child
  ended,   \* by themselves
  failed,  \* of those: that never came up
  words    \* that brought it back

Look == Looks[at]

Arrived(c) ==
  /\ state[c] = Look.state[c]
  /\ begun[c] = Look.lives[c]
  /\ ended[c] = Look.exits[c]
  /\ failed[c] = Look.fails[c]
  /\ words[c] = Look.words[c]

RunInit ==
  /\ Init
  /\ at = 1
  /\ timed = FALSE
  /\ begun = [c \in Children |-> 1]
  /\ ended = [c \in Children |-> 0]
  /\ failed = [c \in Children |-> 0]
  /\ words = [c \in Children |-> 0]

Wait ==
  /\ ~timed
  /\ timed' = TRUE
  /\ IF Look.by = 0 THEN UNCHANGED vars ELSE Pass(Look.by)
  /\ UNCHANGED <<at, begun, ended, failed, words>>

Begin(c) == begun[c] < Look.lives[c] /\ begun' = [begun EXCEPT ![c] = @ + 1]
End(c) ==
  /\ ended[c] < Look.exits[c]
  /\ ended' = [ended EXCEPT ![c] = @ + 1]
  /\ \/ UNCHANGED failed
     \/ state[c] # "running" /\ failed' = [failed EXCEPT ![c] = @ + 1]
Say(c) == words[c] < Look.words[c] /\ words' = [words EXCEPT ![c] = @ + 1]

(* Whoever is where it was seen stays there. *)
Happen(c) ==
  /\ timed
  /\ ~Arrived(c)
  /\ \/ (Up(c) \/ GoDown(c) \/ Stopped(c)) /\ UNCHANGED <<begun, ended, failed, words>>
     \/ (Crash(c) \/ ProbeCrash(c)) /\ End(c) /\ UNCHANGED <<begun, words>>
     \/ (Due(c) \/ Probe(c)) /\ Begin(c) /\ UNCHANGED <<ended, failed, words>>
     \/ Resume(c) /\ Say(c) /\ Begin(c) /\ UNCHANGED <<ended, failed>>
  /\ UNCHANGED <<at, timed>>

See ==
  /\ timed
  /\ \A c \in Children : Arrived(c)
  /\ at' = at + 1
  /\ timed' = FALSE
  /\ UNCHANGED <<begun, ended, failed, words>>
  /\ UNCHANGED vars

RunNext == at <= Len(Looks) /\ (Wait \/ See \/ \E c \in Children : Happen(c))

NeverEnds == at <= Len(Looks)
=============================================================================
