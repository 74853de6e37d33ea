/** A disk that does some things otherwise than the one below it. */
import type { Disk } from "#runtime/disk/disk.ts";

export function diskOver(disk: Disk, otherwise: Partial<Disk>): Disk {
  return {
    open: (path, mode) => disk.open(path, mode),
    close: (descriptor) => disk.close(descriptor),
    read: (descriptor, into, position) => disk.read(descriptor, into, position),
    write: (descriptor, parts, position) => disk.write(descriptor, parts, position),
    sync: (descriptor) => disk.sync(descriptor),
    truncate: (descriptor, sizeBytes) => disk.truncate(descriptor, sizeBytes),
    sizeBytes: (descriptor) => disk.sizeBytes(descriptor),
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    removeTree: (directory) => disk.removeTree(directory),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    readFile: (path) => disk.readFile(path),
    replaceFile: (path, contents) => disk.replaceFile(path, contents),
    watch: (path, onChange) => disk.watch(path, onChange),
    space: (directory) => disk.space(directory),
    ...otherwise,
  };
}
