/**
 * Every family of readers of bytes from elsewhere, from a socket or from a disk. One is loaded when it is wanted: a look at what
 * an execution reached takes the longer, the more there is in memory.
 */
import type { Family, Target } from "#test/fuzz/target.ts";

export const FAMILIES: readonly Family[] = [
  {
    name: "link",
    reads: "frames and messages: from another cell, or whatever else got hold of its socket",
    load: async () => (await import("#test/fuzz/families/link.ts")).TARGETS,
  },
  {
    name: "manifests",
    reads: "manifests and the DAG-CBOR that they are in: from clients, CARs and packs",
    load: async () => (await import("#test/fuzz/families/manifests.ts")).TARGETS,
  },
  {
    name: "packs",
    reads: "records, headers, seals and shards of packs: from a disk",
    load: async () => (await import("#test/fuzz/families/packs.ts")).TARGETS,
  },
  {
    name: "envelopes",
    reads: "JSON: events, signed requests and orders, from producers and administrators",
    load: async () => (await import("#test/fuzz/families/envelopes.ts")).TARGETS,
  },
  {
    name: "ssh",
    reads: "keys and certificates of OpenSSH: from producers, administrators and their files",
    load: async () => (await import("#test/fuzz/families/ssh.ts")).TARGETS,
  },
  {
    name: "ranges",
    reads: "the field Range: from any HTTP client",
    load: async () => (await import("#test/fuzz/families/ranges.ts")).TARGETS,
  },
  {
    name: "config",
    reads: "the configuration file, by TOML and section by section",
    load: async () => (await import("#test/fuzz/families/config.ts")).TARGETS,
  },
  {
    name: "tokens",
    reads: "tokens: from producers and whoever has got hold of one",
    load: async () => (await import("#test/fuzz/families/tokens.ts")).TARGETS,
  },
  {
    name: "http",
    reads: "requests on a socket, their paths and their fields: from any HTTP client",
    load: async () => (await import("#test/fuzz/families/http.ts")).TARGETS,
  },
  {
    name: "trees",
    reads: "directories: from clients and other nodes",
    load: async () => (await import("#test/fuzz/families/trees.ts")).TARGETS,
  },
  {
    name: "names",
    reads: "signed records of names: from clients and other nodes; entries of them: from a disk",
    load: async () => (await import("#test/fuzz/families/names.ts")).TARGETS,
  },
  {
    name: "cars",
    reads: "CARs: from clients and other tools",
    load: async () => (await import("#test/fuzz/families/cars.ts")).TARGETS,
  },
  {
    name: "buckets",
    reads: "lists, errors, names and tables: from an S3 server",
    load: async () => (await import("#test/fuzz/families/buckets.ts")).TARGETS,
  },
  {
    name: "journals",
    reads: "journals, files of the spill, and the records in them: from a disk",
    load: async () => (await import("#test/fuzz/families/journals.ts")).TARGETS,
  },
  {
    name: "volumes",
    reads: "marks of volumes, and the memory of them: from disks",
    load: async () => (await import("#test/fuzz/families/volumes.ts")).TARGETS,
  },
  {
    name: "redis",
    reads: "answers of Redis and entries of its streams: from a server, and from whoever may write to it",
    load: async () => (await import("#test/fuzz/families/redis.ts")).TARGETS,
  },
  {
    name: "operators",
    reads: "lines of the admin socket, plans of chaos and addresses of servers: from whoever runs the node",
    load: async () => (await import("#test/fuzz/families/operators.ts")).TARGETS,
  },
  {
    name: "private",
    reads: "links of private objects, and what is said at their end: from whoever gives them away",
    load: async () => (await import("#test/fuzz/families/private.ts")).TARGETS,
  },
];

export function familyNamed(name: string): Family | undefined {
  return FAMILIES.find((family) => family.name === name);
}

/** Of `targets`, by the name of its corpus. */
export function targetNamed(targets: readonly Target[], slug: string): Target | undefined {
  return targets.find((target) => slugOf(target) === slug);
}

export function slugOf({ name }: Pick<Target, "name">): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}
