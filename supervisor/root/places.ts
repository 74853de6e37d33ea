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
  readonly config: string;
  /** 0700, short, gone after a clean end. */
  readonly run: string;
  readonly adminSocket: string;
}

export interface PlaceFacts {
  readonly dataDirectory: string;
  readonly runtimeDirectory: string | undefined;
  readonly userId: number;
  readonly digest: (text: string) => string;
}

export function placesOf({ dataDirectory: data, runtimeDirectory, userId, digest }: PlaceFacts): Places {
  const name = digest(data).slice(0, 12);
  const preferred = runtimeDirectory === undefined ? undefined : join(runtimeDirectory, `cepa-${name}`);
  const fits = preferred !== undefined && Buffer.byteLength(preferred) + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES_MAX;
  const run = fits ? preferred : `/tmp/cepa-${userId}-${name}`;
  return {
    data,
    lock: join(data, "node.lock"),
    record: join(data, "node.json"),
    logs: join(data, "logs"),
    compileCache: join(data, "cache", "compile"),
    config: join(data, "cepa.toml"),
    run,
    adminSocket: join(run, "admin.sock"),
  };
}
