----------------------------- MODULE Capability -----------------------------
(* Tokens that are revoked, and verifiers that hear of it late.              *)
(*                                                                           *)
(* A model only: capabilities of peers are not built yet. Tokens of          *)
(* producers (actors/auth) have lives and revocations of the same kind, and  *)
(* one verifier that asks.                                                   *)
(*                                                                           *)
(* - The issuer revokes one token, which puts it on the list, or all at      *)
(*   once, which begins a new epoch. A token carries the epoch in which it   *)
(*   was issued. What has expired leaves the list.                           *)
(* - A verifier judges by its copy of list and epoch, and knows as of when   *)
(*   that is: not when it came, but when it was asked for. Past StaleMax it  *)
(*   accepts nothing.                                                        *)
(* - A copy is under way for at most TransitMax; what takes longer is not    *)
(*   waited for. It may be lost.                                             *)
(*                                                                           *)
(* Clocks run alike here. Where they do not, what they may be apart by comes *)
(* on top of StaleMax.                                                       *)
EXTENDS Integers

CONSTANTS
  Tokens,
  Verifiers,
  Life,          \* of a token
  StaleMax,      \* how old a copy may be that is judged by
  TransitMax,
  EpochsMax,
  LossesMax      \* of copies under way

ASSUME TransitMax < StaleMax

Never == -1
Past == StaleMax + 1

VARIABLES
  epoch,         \* at the issuer
  list,          \* tokens that are revoked one by one, and have not expired
  bornIn,        \* epoch of a token; Never: not issued yet
  age,           \* of a token
  revokedFor,    \* how long a token has been revoked; Never: it is not
  copyEpoch, copyList, copyAge,    \* of a verifier
  wayEpoch, wayList, wayAge,       \* of the copy that is under way to it; Never: none is
  losses,        \* so far
  usedLate       \* whether a token was accepted longer after its revocation than StaleMax

vars ==
  <<epoch, list, bornIn, age, revokedFor, copyEpoch, copyList, copyAge, wayEpoch, wayList, wayAge, losses, usedLate>>
issuer == <<epoch, list, bornIn, age, revokedFor>>
copies == <<copyEpoch, copyList, copyAge>>
ways == <<wayEpoch, wayList, wayAge>>

-----------------------------------------------------------------------------
Min(a, b) == IF a < b THEN a ELSE b
Issued(t) == bornIn[t] # Never
Expired(t) == age[t] >= Life

Init ==
  /\ epoch = 0
  /\ list = {}
  /\ bornIn = [t \in Tokens |-> Never]
  /\ age = [t \in Tokens |-> 0]
  /\ revokedFor = [t \in Tokens |-> Never]
  /\ copyEpoch = [v \in Verifiers |-> 0]
  /\ copyList = [v \in Verifiers |-> {}]
  /\ copyAge = [v \in Verifiers |-> Past]
  /\ wayEpoch = [v \in Verifiers |-> 0]
  /\ wayList = [v \in Verifiers |-> {}]
  /\ wayAge = [v \in Verifiers |-> Never]
  /\ losses = 0
  /\ usedLate = FALSE

Issue(t) ==
  /\ ~Issued(t)
  /\ bornIn' = [bornIn EXCEPT ![t] = epoch]
  /\ UNCHANGED <<epoch, list, age, revokedFor, losses, usedLate>>
  /\ UNCHANGED copies
  /\ UNCHANGED ways

Revoke(t) ==
  /\ Issued(t) /\ ~Expired(t) /\ t \notin list
  /\ list' = list \cup {t}
  /\ revokedFor' = [revokedFor EXCEPT ![t] = IF @ = Never THEN 0 ELSE @]
  /\ UNCHANGED <<epoch, bornIn, age, losses, usedLate>>
  /\ UNCHANGED copies
  /\ UNCHANGED ways

RevokeAll ==
  /\ epoch < EpochsMax
  /\ epoch' = epoch + 1
  /\ revokedFor' = [t \in Tokens |-> IF Issued(t) /\ revokedFor[t] = Never THEN 0 ELSE revokedFor[t]]
  /\ UNCHANGED <<list, bornIn, age, losses, usedLate>>
  /\ UNCHANGED copies
  /\ UNCHANGED ways

Prune(t) ==
  /\ t \in list
  /\ age[t] >= Life
  /\ list' = list \ {t}
  /\ UNCHANGED <<epoch, bornIn, age, revokedFor, losses, usedLate>>
  /\ UNCHANGED copies
  /\ UNCHANGED ways

-----------------------------------------------------------------------------
(* A new question takes the place of one that was not answered. *)
Fetch(v) ==
  /\ wayAge[v] = Never
  /\ wayEpoch' = [wayEpoch EXCEPT ![v] = epoch]
  /\ wayList' = [wayList EXCEPT ![v] = list]
  /\ wayAge' = [wayAge EXCEPT ![v] = 0]
  /\ UNCHANGED <<losses, usedLate>>
  /\ UNCHANGED issuer
  /\ UNCHANGED copies

Forget(v) ==
  /\ wayEpoch' = [wayEpoch EXCEPT ![v] = 0]
  /\ wayList' = [wayList EXCEPT ![v] = {}]
  /\ wayAge' = [wayAge EXCEPT ![v] = Never]
  /\ UNCHANGED usedLate
  /\ UNCHANGED issuer

Arrive(v) ==
  /\ wayAge[v] # Never
  /\ copyEpoch' = [copyEpoch EXCEPT ![v] = wayEpoch[v]]
  /\ copyList' = [copyList EXCEPT ![v] = wayList[v]]
  /\ copyAge' = [copyAge EXCEPT ![v] = wayAge[v]]
  /\ Forget(v)
  /\ UNCHANGED losses

Lose(v) ==
  /\ wayAge[v] # Never
  /\ losses < LossesMax
  /\ losses' = losses + 1
  /\ Forget(v)
  /\ UNCHANGED copies

Accepts(v, t) ==
  /\ Issued(t)
  /\ ~Expired(t)
  /\ copyAge[v] <= StaleMax
  /\ t \notin copyList[v]
  /\ bornIn[t] >= copyEpoch[v]

Use(v, t) ==
  /\ Accepts(v, t)
  /\ usedLate' = (usedLate \/ revokedFor[t] > StaleMax)
  /\ UNCHANGED losses
  /\ UNCHANGED issuer
  /\ UNCHANGED copies
  /\ UNCHANGED ways

-----------------------------------------------------------------------------
Pass ==
  /\ \A v \in Verifiers : wayAge[v] < TransitMax
  /\ age' = [t \in Tokens |-> IF Issued(t) THEN Min(Life, age[t] + 1) ELSE 0]
  /\ revokedFor' = [t \in Tokens |-> IF revokedFor[t] = Never THEN Never ELSE Min(Past, revokedFor[t] + 1)]
  /\ copyAge' = [v \in Verifiers |-> Min(Past, copyAge[v] + 1)]
  /\ wayAge' = [v \in Verifiers |-> IF wayAge[v] = Never THEN Never ELSE wayAge[v] + 1]
  /\ UNCHANGED <<epoch, list, bornIn, copyEpoch, copyList, wayEpoch, wayList, losses, usedLate>>

Next ==
  \/ Pass \/ RevokeAll
  \/ \E t \in Tokens : Issue(t) \/ Revoke(t) \/ Prune(t)
  \/ \E v \in Verifiers : Fetch(v) \/ Arrive(v) \/ Lose(v)
  \/ \E v \in Verifiers, t \in Tokens : Use(v, t)

(* When nothing is lost any more. *)
Spec ==
  /\ Init
  /\ [][Next]_vars
  /\ WF_vars(Pass)
  /\ \A v \in Verifiers : WF_vars(Fetch(v)) /\ WF_vars(Arrive(v))

-----------------------------------------------------------------------------
Types ==
  /\ \A v \in Verifiers : copyAge[v] \in 0..Past /\ wayAge[v] \in Never..TransitMax
  /\ \A t \in Tokens : age[t] \in 0..Life /\ revokedFor[t] \in Never..Past

(* After a revocation and the bound no use is accepted. *)
NoneIsUsedLate == ~usedLate

(* Nor would it be, whoever asks. *)
NoneWouldBe == \A v \in Verifiers, t \in Tokens : Accepts(v, t) => revokedFor[t] <= StaleMax

(* Once a verifier has judged by a copy, a later one does not bring back what was revoked. *)
OnTheListUntilItExpires == \A t \in Tokens : revokedFor[t] # Never => t \in list \/ bornIn[t] < epoch \/ Expired(t)

-----------------------------------------------------------------------------
(* A new epoch is heard of everywhere. *)
AllHear == \A v \in Verifiers : epoch = EpochsMax ~> copyEpoch[v] = EpochsMax

(* Who was cut off comes to judge again. *)
CutOffComesBack == \A v \in Verifiers : copyAge[v] > StaleMax ~> copyAge[v] <= StaleMax

-----------------------------------------------------------------------------
(* Witnesses: each is to be violated. *)
NeverUsedAfterRevocation == \A v \in Verifiers, t \in Tokens : ~(Accepts(v, t) /\ revokedFor[t] = StaleMax)
NeverStale == \A v \in Verifiers : ~(copyAge[v] = Past /\ copyEpoch[v] > 0)
NeverAcceptedInNewEpoch == \A v \in Verifiers, t \in Tokens : ~(Accepts(v, t) /\ copyEpoch[v] > 0)
NeverPruned == \A t \in Tokens : ~(revokedFor[t] # Never /\ t \notin list /\ bornIn[t] = epoch)
=============================================================================
