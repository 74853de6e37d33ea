/**
 * Watches one file through its directory, so that an editor that replaces the file by a rename is seen, and so is a file
 * that does not exist yet.
 *
 * When the directory itself goes or cannot be watched, it looks again every `rewatchMs` and reports a change when the
 * directory is back: what happened in between is not known. Nothing here keeps the process alive.
 */
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { realClock } from "#runtime/real/clock.ts";
import { second } from "#runtime/units.ts";

/** Pause before another attempt on a directory that cannot be watched, ms. */
const rewatchMs = 1 * second;

/** Calls `onChange` after every event of the file, never synchronously; answers with an undo. */
export function watchFile(path: string, onChange: () => void): () => void {
  const directory = dirname(path);
  const name = basename(path);
  let watcher: FSWatcher | undefined;
  let isOver = false;

  const start = (): boolean => {
    watcher = tryWatch(directory);
    watcher?.on("change", (_event, changed) => {
      // Without a name it may have been this file. When the directory itself goes, the event carries its own name.
      if (isOver) return;
      if (changed === null || String(changed) === name) onChange();
      else if (String(changed) === basename(directory)) restart();
    });
    watcher?.on("error", restart);
    return watcher !== undefined;
  };

  const restart = (): void => {
    watcher?.close();
    watcher = undefined;
    realClock.after(rewatchMs, () => {
      if (isOver) return;
      if (start()) onChange();
      else restart();
    });
  };

  if (!start()) restart();
  return () => {
    isOver = true;
    watcher?.close();
  };
}

function tryWatch(directory: string): FSWatcher | undefined {
  try {
    return watch(directory, { persistent: false });
  } catch {
    // It is missing, or the system has no watches left: the caller tries again.
    return undefined;
  }
}
