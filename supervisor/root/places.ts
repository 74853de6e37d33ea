/** Where a node keeps what: paths only. */
import { join } from "node:path";

/** What a Unix socket path may have, in bytes, without its final zero. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** Room for the longest socket name in a run directory. */
const SOCKET_NAME_BYTES = 24;

export interface Places {
  readonly data: string;
  readonly lock: string;
  /** Says who runs on this directory, for messages and for clients; the lock decides. */
  readonly record: string;
  readonly logs: string;
  readonly compileCache: string;
  /** 0700, short, gone after a clean end. In amnesia mode it is in the data directory, which is all that. */
  readonly run: string;
  readonly adminSocket: string;
}

export interface PlaceFacts {
  readonly dataDirectory: string;
  readonly runtimeDirectory: string | undefined;
  readonly amnesia: boolean;
  readonly userId: number;
  readonly digest: (text: string) => string;
}

export function placesOf({ dataDirectory: data, runtimeDirectory, amnesia, userId, digest }: PlaceFacts): Places {
  const name = digest(data).slice(0, 12);
  const preferred = runtimeDirectory === undefined ? undefined : join(runtimeDirectory, `cepa-${name}`);
  const fitting = preferred !== undefined && holdsSockets(preferred) ? preferred : `/tmp/cepa-${userId}-${name}`;
  const run = amnesia ? runIn(data) : fitting;
  return {
    data,
    lock: join(data, "node.lock"),
    record: join(data, "node.json"),
    logs: join(data, "logs"),
    compileCache: join(data, "cache", "compile"),
    run,
    adminSocket: join(run, "admin.sock"),
  };
}

/** Where the run directory of a node in amnesia mode is. */
export function runIn(data: string): string {
  return join(data, "run");
}

/** Whether a run directory there leaves room for the names of its sockets. */
export function holdsSockets(run: string): boolean {
  return Buffer.byteLength(run) + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES_MAX;
}
