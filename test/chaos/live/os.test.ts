/** Scenarios on nodes as they run, with disk, clock and network under them that can be broken (STO-1, STO-4, GW-20, SUP-3). */
import { liveThroughAll } from "#test/chaos/live/live.ts";

liveThroughAll("os");
