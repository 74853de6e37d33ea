/**
 * Another node on the same data directory: who it is, and whether it lives although its lock could be taken, because
 * somebody removed the lock file under it.
 *
 * A process listens on its admin socket for as long as it lives, also while it is stopped, and not a moment longer: the
 * system answers for it, and no process id is trusted.
 */
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Network } from "#runtime/network/network.ts";
import type { Places } from "#supervisor/root/places.ts";

/** A connection to a node that lasts this long is one to a node that lives: a killed one loses its lock first. */
export const OTHER_NODE_LOOK_MS = 200;
/** A node that closes as many connections in a row lives, and has no room for one more. */
export const OTHER_NODE_LOOKS_MAX = 4;

/** What a node says of itself in its record; undefined: nothing that can be understood. */
export interface RecordedNode {
  readonly pid: number | undefined;
  /** The directory that it runs on: a record that was copied with its directory is that of another. */
  readonly data: string | undefined;
  readonly admin: string | undefined;
}

export async function readRecord(disk: Disk, path: string): Promise<RecordedNode> {
  const read = await disk.readFile(path);
  const said = read.ok ? parseJson(Buffer.from(read.value).toString("utf8")) : undefined;
  const member = (name: string): unknown =>
    typeof said === "object" && said !== null ? Reflect.get(said, name) : undefined;
  const [pid, data, admin] = [member("pid"), member("data"), member("admin")];
  return {
    pid: typeof pid === "number" ? pid : undefined,
    data: typeof data === "string" ? data : undefined,
    admin: typeof admin === "string" ? admin : undefined,
  };
}

/** Whether a node lives that this one would fight. Its own socket must not be listened on yet. */
export async function isOtherAlive(
  { disk, network, clock }: { readonly disk: Disk; readonly network: Network; readonly clock: Clock },
  { data, record, adminSocket }: Places,
): Promise<boolean> {
  const recorded = await readRecord(disk, record);
  // Started with another runtime directory, it listens elsewhere.
  const elsewhere = recorded.data === data ? recorded.admin : undefined;
  for (const path of new Set([adminSocket, elsewhere ?? adminSocket])) {
    if (await isListenedOn(path, network, clock)) return true;
  }
  return false;
}

async function isListenedOn(path: string, network: Network, clock: Clock): Promise<boolean> {
  for (let look = 0; look < OTHER_NODE_LOOKS_MAX; look += 1) {
    const answer = await connectTo(path, network, clock);
    if (answer !== "closed") return answer === "open";
  }
  return true;
}

async function connectTo(path: string, network: Network, clock: Clock): Promise<"refused" | "closed" | "open"> {
  const { promise: closed, resolve: close } = Promise.withResolvers<"closed">();
  const events = { onBytes: () => undefined, onDrain: () => undefined, onClose: () => close("closed") };
  const connected = await network.connect({ path }, events);
  if (!connected.ok) {
    // Its line of those who wait is full: somebody keeps it.
    return connected.failure.errno === "EAGAIN" ? "open" : "refused";
  }
  // The connection keeps this process alive meanwhile; a timer would not.
  const lasts = new Promise<"open">((resolve) => {
    clock.after(OTHER_NODE_LOOK_MS, () => resolve("open"));
  });
  const outcome = await Promise.race([closed, lasts]);
  connected.value.destroy();
  return outcome;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
