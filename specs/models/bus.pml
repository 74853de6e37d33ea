/*
 * The lossy broadcast of runtime/bus.ts, for spin: a second opinion on Bus.tla, by another tool.
 *
 * One publisher, two subscribers, a ring of two. Events are numbered as they are published, from 1. A step is what happens on
 * one thread without an await; a publication wakes whoever waits before it returns.
 *
 * LAZY: subscribers may stop to read at any time, without closing. `goes` is to hold then, too.
 * WAITS, NO_WAKE, BLIND, STALE, SILENT: mistakes, each of which has to be found.
 *
 * With weak fairness (-f), and where every process may be blocked, spin 6.5.2 has said `errors: 0` of a model with a lost
 * wake-up. Ticker is never blocked.
 */
#ifndef EVENTS
#define EVENTS 5
#endif
#define CAPACITY 2
#define SUBSCRIBERS 2

byte ring[CAPACITY];
byte published;
byte dropped;
byte cursor[SUBSCRIBERS];
byte heard[SUBSCRIBERS];
byte count[SUBSCRIBERS];
byte lagged[SUBSCRIBERS];
bool waiting[SUBSCRIBERS];
bool tick;

#define OLDEST (published > CAPACITY -> published - CAPACITY : 0)
#define UNLEARNED(s) (OLDEST > cursor[s] -> OLDEST - cursor[s] : 0)

#ifdef WAITS
#define MAY_PUBLISH (published < EVENTS && cursor[0] + CAPACITY > published && cursor[1] + CAPACITY > published)
#else
#define MAY_PUBLISH (published < EVENTS)
#endif

#ifdef BLIND
#define MAY_WAIT(s) (!waiting[s])
#else
#define MAY_WAIT(s) (!waiting[s] && cursor[s] == published)
#endif

/* Of every subscriber, after a step of its own and after every publication. */
inline check(s) {
  assert(heard[s] == cursor[s]);
  assert(count[s] + lagged[s] == cursor[s])
}

inline pass(s) {
  if
  :: published >= CAPACITY && cursor[s] <= published - CAPACITY -> dropped++
  :: else
  fi
}

inline wake(s) {
  if
  :: waiting[s] ->
#ifndef NO_WAKE
     waiting[s] = false;
     heard[s] = ring[cursor[s] % CAPACITY];
     cursor[s]++;
     count[s]++
#else
     skip
#endif
  :: else
  fi
}

active proctype Publisher() {
  do
  :: atomic {
       MAY_PUBLISH ->
       pass(0);
       pass(1);
       ring[published % CAPACITY] = published + 1;
       published++;
       wake(0);
       wake(1);
       check(0);
       check(1);
       assert(dropped == lagged[0] + UNLEARNED(0) + lagged[1] + UNLEARNED(1))
     }
  :: published == EVENTS -> break
  od
}

active [SUBSCRIBERS] proctype Subscriber() {
  byte from;
  byte s = _pid - 1;
end:
  do
  :: atomic {
       !waiting[s] && cursor[s] != published ->
#ifdef STALE
       from = cursor[s];
#else
       from = (cursor[s] > OLDEST -> cursor[s] : OLDEST);
#endif
#ifndef SILENT
       lagged[s] = lagged[s] + (from - cursor[s]);
#endif
       heard[s] = ring[from % CAPACITY];
       cursor[s] = from + 1;
       count[s]++;
       check(s);
       from = 0
     }
  :: atomic {
       MAY_WAIT(s) ->
       waiting[s] = true
     }
#ifdef LAZY
  :: !waiting[s] -> break
#endif
  od
}

active proctype Ticker() {
  do
  :: tick = !tick
  od
}

/* The publisher never waits, whatever subscribers do. */
ltl goes { <> (published == EVENTS) }

/* All is told in the end, or told to be lost. */
ltl told { <> [] (published == EVENTS && cursor[0] == EVENTS && cursor[1] == EVENTS) }

/* Witnesses: each is to be violated. */
ltl neverDropped { [] (dropped == 0) }
ltl neverLagged { [] (lagged[0] == 0) }
ltl neverWaiting { [] (!waiting[0]) }
