/**
 * Whose certificates are taken: the keys in the files of `auth.producerAuthority`.
 *
 * They are read before anything is judged by a list of files that was not read yet, and again now and then for what changes under the same
 * names. A file that cannot be read leaves what it had before: who replaces one leaves a moment without it. What is named no more counts no
 * more, whatever the others are like.
 */
import type { AuthConfig } from "#actors/auth/config.ts";
import type { RequestTerms } from "#actors/auth/signed-request.ts";
import { AUTHORITIES_MAX, readAuthorities } from "#actors/domain/ssh/authority-files.ts";
import type { SshKey } from "#actors/domain/ssh/key.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import type { Disk } from "#runtime/disk/disk.ts";

const SETTING = "auth.producerAuthority";
const NOBODY = `${SETTING} names no file, so nobody is given a token: \`cepa auth init\` makes a first one`;

type Trust = Pick<RequestTerms, "authorities" | "principals">;
type KeysByPath = ReadonlyMap<string, readonly SshKey[]>;

export class Trusted {
  readonly #disk: Disk;
  readonly #config: ConfigView<AuthConfig>;
  readonly #onTrouble: (cause: string | undefined) => void;
  #keys: KeysByPath = new Map();
  /** What was read last: a configuration that changes has another list. */
  #paths: readonly string[] | undefined;

  constructor(disk: Disk, config: ConfigView<AuthConfig>, onTrouble: (cause: string | undefined) => void) {
    this.#disk = disk;
    this.#config = config;
    this.#onTrouble = onTrouble;
  }

  /** Keys of all files, as they were read last. */
  get authorityCount(): number {
    return [...this.#keys.values()].flat().length;
  }

  /** As the configuration is now: a look at another list that ends late is followed by one at this. */
  async current(): Promise<Trust> {
    while (this.#paths !== this.#config.current.producerAuthority) await this.read();
    return { authorities: [...this.#keys.values()].flat(), principals: new Set(this.#config.current.principals) };
  }

  async read(): Promise<void> {
    const { producerAuthority: paths } = this.#config.current;
    const { keys, trouble } = await this.#readAll(paths);
    this.#keys = keys;
    this.#paths = paths;
    this.#onTrouble(trouble ?? (this.authorityCount === 0 ? NOBODY : undefined));
  }

  async #readAll(paths: readonly string[]): Promise<{ readonly keys: KeysByPath; readonly trouble?: string }> {
    const keys = new Map<string, readonly SshKey[]>();
    let trouble: string | undefined;
    for (const path of paths) {
      const read = await readAuthorities(this.#disk, SETTING, [path]);
      if (typeof read === "string") trouble ??= read;
      const known = typeof read === "string" ? this.#keys.get(path) : read;
      if (known !== undefined) keys.set(path, known);
    }
    if ([...keys.values()].flat().length > AUTHORITIES_MAX) {
      return { keys: this.#keptOf(paths), trouble: `${SETTING} has more than ${AUTHORITIES_MAX} keys` };
    }
    return trouble === undefined ? { keys } : { keys, trouble };
  }

  #keptOf(paths: readonly string[]): KeysByPath {
    return new Map([...this.#keys].filter(([path]) => paths.includes(path)));
  }
}
