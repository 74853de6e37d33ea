/** What the raw limit (`raw-main.ts`) is told, and where it writes. */

export interface RawOrder {
  readonly socket: string;
  readonly login: readonly [user: string, secret: string];
  readonly postgresUrl: string;
  readonly stream: string;
  readonly group: string;
}

export const RAW_TABLE = "raw_events";
