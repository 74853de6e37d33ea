/** A disk as one process sees it: after `kill` nothing it asks for happens any more. */
import type { Disk } from "#runtime/disk/disk.ts";

export interface MortalDisk {
  readonly disk: Disk;
  kill(): void;
}

export function mortalDisk(real: Disk): MortalDisk {
  let alive = true;
  const guard =
    <Args extends unknown[], Answer>(operation: (...args: Args) => Promise<Answer>) =>
    (...args: Args): Promise<Answer> =>
      alive ? operation.apply(real, args) : new Promise<never>(() => undefined);

  const disk: Disk = {
    open: guard(real.open),
    close: guard(real.close),
    read: guard(real.read),
    write: guard(real.write),
    sync: guard(real.sync),
    truncate: guard(real.truncate),
    sizeBytes: guard(real.sizeBytes),
    list: guard(real.list),
    makeDirectory: guard(real.makeDirectory),
    rename: guard(real.rename),
    remove: guard(real.remove),
    removeTree: guard(real.removeTree),
    syncDirectory: guard(real.syncDirectory),
    readFile: guard(real.readFile),
    replaceFile: guard(real.replaceFile),
    space: guard(real.space),
    watch: (path, onChange) => real.watch(path, onChange),
  };
  return {
    disk,
    kill: () => {
      alive = false;
    },
  };
}
