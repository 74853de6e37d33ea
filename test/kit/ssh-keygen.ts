/** OpenSSH's own tool for keys, in a directory: what it makes is what a node has to take, and what it reads is well made. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Times in options are of that zone. */
const env = { ...process.env, TZ: "UTC" };

/** What a run came to, in one text. */
export interface KeygenRun {
  readonly code: number | null;
  readonly said: string;
}

export interface KeyOptions {
  readonly type?: string;
  readonly comment?: string;
  readonly passphrase?: string;
}

export class SshKeygen {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  run(...args: readonly string[]): KeygenRun {
    // Nobody answers its questions.
    const { status, stdout, stderr } = spawnSync("ssh-keygen", args, { cwd: this.#directory, env, input: "" });
    return { code: status, said: `${stdout}${stderr}` };
  }

  /** Throws where it refuses. */
  must(...args: readonly string[]): string {
    const { code, said } = this.run(...args);
    if (code !== 0) throw new Error(`ssh-keygen ${args.join(" ")}: ${said}`);
    return said;
  }

  /** A new key in the files `name` and `name.pub`. Answers with the line of the second. */
  makeKey(name: string, { type = "ed25519", comment = name, passphrase = "" }: KeyOptions = {}): string {
    // The shortest that it makes of those that take long.
    const size = type === "rsa" ? ["-b", "1024"] : [];
    this.must("-q", "-t", type, ...size, "-N", passphrase, "-C", comment, "-f", name);
    return this.read(`${name}.pub`);
  }

  /** The line of a certificate over the key `name`, signed by `authority`. */
  certify(authority: string, name: string, ...options: readonly string[]): string {
    this.must("-q", "-s", authority, "-I", "an id", ...options, `${name}.pub`);
    return this.read(`${name}-cert.pub`);
  }

  read(name: string): string {
    return readFileSync(join(this.#directory, name), "utf8");
  }

  /** That others may not read: it takes no private key that they may. */
  write(name: string, text: string): void {
    writeFileSync(join(this.#directory, name), text, { mode: 0o600 });
  }
}
