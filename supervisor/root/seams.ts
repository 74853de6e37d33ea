/** What the root is given to run on, beyond the seams that every process has. */
import type { BaseEnv } from "#runtime/env.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { CellHost } from "#supervisor/root/cell-life.ts";
import type { ServerPrograms } from "#supervisor/root/servers/programs.ts";

/** Lines to a file that is capped, and never hurts who writes. */
export interface LogFile {
  write(line: string): void;
  closeSync(): void;
}

/** Hears what the process of a cell writes without being asked. */
export type CellOutput = (cell: string, text: string) => void;

export interface RootSeams {
  readonly base: BaseEnv;
  readonly userId: number;
  readonly cores: number;
  readonly version: string;
  readonly buildId: string;
  /** Makes a directory that only this user can enter, or checks that it is one. */
  ensurePrivateDirectory(path: string): Result<void, Failure & { readonly path: string; readonly cause: string }>;
  readonly programs: ServerPrograms;
  /** Port 0 lets the kernel choose. */
  findPort(host: string, port: number): Promise<Result<number, Failure & { readonly errno: string }>>;
  /** Opened with the first line. */
  openLog(path: string): LogFile;
  /** Digest for short names, hex. */
  digest(text: string): string;
  /** Where cells live, by hosting. `output`: a directory for what they write without being asked, or who hears it. */
  host(hosting: "processes" | "root", data: string, output: string | CellOutput): Promise<CellHost>;
}
