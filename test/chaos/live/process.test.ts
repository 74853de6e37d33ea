/** Scenarios on nodes as they run, as trees of processes (STO-1, STO-4, GW-20, SUP-3). */
import { liveThroughAll } from "#test/chaos/live/live.ts";

liveThroughAll("process");
