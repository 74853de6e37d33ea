/**
 * Groups of clients. What is between a client and the node is that of its group, so that some clients can be cut off while
 * others are served.
 */

/** With the node on the side of `a`, a cut of `b` is A|B, and one of `b` and `c` is A|B|C. */
export const CLIENT_GROUPS = ["a", "b", "c"] as const;
export type ClientGroup = (typeof CLIENT_GROUPS)[number];

/** Of the client with this number: neighbours are in different groups. */
export function groupAt(number: number): ClientGroup {
  return CLIENT_GROUPS[number % CLIENT_GROUPS.length] ?? "a";
}
