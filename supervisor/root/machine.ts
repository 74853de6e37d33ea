/** What amnesia mode has to know of the machine, as a seam: what is memory, and what could put memory on a disk. */
export interface Machine {
  /** Whether files there are in memory: the file system is a tmpfs or a ramfs. False where there is nothing. */
  isMemory(path: string): boolean;
  /** Whether it is a directory of this user's that nobody else can enter. */
  isPrivate(directory: string): boolean;
  /** Swap that is in use and is not itself in memory: paths of devices and files. */
  swaps(): readonly string[];
  /** Longest core dump that the system makes of this process, bytes. */
  coreBytesMax(): number;
  /** Where Node keeps what this process compiles; undefined where it does not. */
  compileCache(): string | undefined;
  /** Becomes `cepa up` with these arguments: the same process, another program. Comes back only where that cannot be. */
  becomeLauncher(args: readonly string[]): void;
}
