/** Settings of nodes that are measured, as variables of their environment. */

/** Collections and scrubs are bound by the machine alone: what they cost is to be seen, and the most that others feel of them. */
export const UNLIMITED_UPKEEP: Readonly<Record<string, string>> = {
  CEPA_STORAGE_COLLECT_BYTES_PER_SECOND_MAX: "64GiB",
};
