/**
 * A disk of which an exploration decides when each operation is done and when it is answered, both of them events of the
 * program: operations that are under way at once end in any order, and whatever else happens comes before, between and after.
 *
 * - Outside `interleave`, while a program sets up or ends, operations are done at once.
 * - A watcher is told in an event of its own; changes before that are one.
 * - A crash that takes the power too leaves the disk in another one of the states that it may leave it in, in every run.
 */
import type { Disk } from "#runtime/disk/disk.ts";
import { Defect } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";

type Operation<Asked extends unknown[], Answer> = (...asked: Asked) => Promise<Answer>;

/** The disk of one process: `disk` is what it works with, `crash` is its end. The files are those of the `MemoryDisk`. */
export class ExploredDisk {
  readonly disk: Disk;
  readonly #play: Play;
  readonly #files: MemoryDisk;
  /** What is to happen, as its undo. */
  readonly #pending = new Set<() => void>();
  #isOver = false;
  readonly #chance: Random = {
    below: (exclusiveMax) => this.#play.choose("power", exclusiveMax),
    bytes: () => noBytes(),
    id: () => noBytes(),
  };

  constructor(play: Play, files: MemoryDisk) {
    this.#play = play;
    this.#files = files;
    this.disk = {
      open: this.#slow("open", files.open),
      close: this.#slow("close", files.close),
      read: this.#slow("read", files.read),
      write: this.#slow("write", files.write),
      sync: this.#slow("sync", files.sync),
      truncate: this.#slow("truncate", files.truncate),
      sizeBytes: this.#slow("sizeBytes", files.sizeBytes),
      list: this.#slow("list", files.list),
      makeDirectory: this.#slow("makeDirectory", files.makeDirectory),
      rename: this.#slow("rename", files.rename),
      remove: this.#slow("remove", files.remove),
      removeTree: this.#slow("removeTree", files.removeTree),
      syncDirectory: this.#slow("syncDirectory", files.syncDirectory),
      readFile: this.#slow("readFile", files.readFile),
      replaceFile: this.#slow("replaceFile", files.replaceFile),
      space: this.#slow("space", files.space),
      watch: (path, onChange) => this.#watch(path, onChange),
    };
  }

  /**
   * Ends the process: what it has asked for and was not done is never done, and nothing is answered any more. With `power` what
   * was not synced is kept, lost or torn, one way in each run.
   */
  crash({ power }: { readonly power: boolean }): void {
    this.#isOver = true;
    for (const undo of this.#pending) undo();
    this.#files.crash(this.#chance, { keepUnsynced: !power });
  }

  #slow<Asked extends unknown[], Answer>(name: string, operation: Operation<Asked, Answer>): Operation<Asked, Answer> {
    return async (...asked) => {
      if (this.#isOver) return await never();
      if (!this.#play.isInterleaving) return await operation.apply(this.#files, asked);
      await this.#event(name);
      const answer = await operation.apply(this.#files, asked);
      await this.#event(`${name}-answered`);
      return answer;
    };
  }

  #watch(path: string, onChange: () => void): () => void {
    let isWatching = true;
    let isTold = true;
    const unwatch = this.#files.watch(path, () => {
      if (!isTold || this.#isOver) return;
      isTold = false;
      void this.#event("changed").then(() => {
        isTold = true;
        if (isWatching) onChange();
      });
    });
    return () => {
      isWatching = false;
      unwatch();
    };
  }

  /** Settles when it happens; never in a process that is over. */
  #event(name: string): Promise<void> {
    if (this.#isOver) return never();
    return new Promise((resolve) => {
      const undo = this.#play.event(name, () => {
        this.#pending.delete(undo);
        resolve();
      });
      this.#pending.add(undo);
    });
  }
}

function noBytes(): never {
  throw new Defect("a crash of a disk draws numbers, and no bytes");
}

function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
