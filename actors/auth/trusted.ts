/**
 * Whose certificates are taken: the keys in the files of `auth.producerAuthority`, as they were read last.
 *
 * Files that cannot be read leave what was read before as it is: who replaces one leaves a moment without it. Where nothing
 * was ever read no certificate is taken.
 */
import type { AuthConfig } from "#actors/auth/config.ts";
import type { RequestTerms } from "#actors/auth/signed-request.ts";
import { readAuthorities } from "#actors/domain/ssh/authority-files.ts";
import type { SshKey } from "#actors/domain/ssh/key.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import type { Disk } from "#runtime/disk/disk.ts";

const NOBODY = "auth.producerAuthority names no file, so nobody is given a token: `cepa auth init` makes a first one";

export class Trusted {
  readonly #disk: Disk;
  readonly #config: ConfigView<AuthConfig>;
  readonly #onTrouble: (cause: string | undefined) => void;
  #authorities: readonly SshKey[] = [];

  constructor(disk: Disk, config: ConfigView<AuthConfig>, onTrouble: (cause: string | undefined) => void) {
    this.#disk = disk;
    this.#config = config;
    this.#onTrouble = onTrouble;
  }

  get current(): Pick<RequestTerms, "authorities" | "principals"> {
    return { authorities: this.#authorities, principals: new Set(this.#config.current.principals) };
  }

  async read(): Promise<void> {
    const { producerAuthority } = this.#config.current;
    const read = await readAuthorities(this.#disk, "auth.producerAuthority", producerAuthority);
    if (typeof read === "string") {
      this.#onTrouble(read);
      return;
    }
    this.#authorities = read;
    this.#onTrouble(read.length === 0 ? NOBODY : undefined);
  }
}
