/** A folder inside the repository for what is made on the way: packages are found from there by walking up. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Gone, with all that is in it, when it is disposed of. */
export class Staging implements Disposable {
  readonly directory: string;

  /** `root` is the repository; the folder is in its `.cache`. */
  constructor(root: string) {
    const cache = join(root, ".cache");
    mkdirSync(cache, { recursive: true });
    this.directory = mkdtempSync(join(cache, "library-"));
  }

  /** Makes the folders that `path` goes through. */
  write(path: string, text: string): void {
    const file = join(this.directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
