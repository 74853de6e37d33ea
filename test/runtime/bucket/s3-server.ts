/**
 * A real S3 server as a process of its own, killed and started again by tests.
 *
 * It is `@20minutes/s3rver`: it checks signatures of version 4, keeps objects in files, pages its lists, and runs on the Node
 * that runs the tests. It is not atomic: a kill leaves the front of an object, which a bucket need not do and this disk bears.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { BucketPlace } from "#runtime/bucket/place.ts";
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import { S3Bucket, type S3Options } from "#runtime/bucket/s3-bucket.ts";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createExchange } from "#runtime/real/exchange.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { installLocked } from "#test/kit/locked-packages.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const script = join(import.meta.dirname, "s3-host.ts");
/** The only account that the server knows. */
export const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

interface Context {
  after(end: () => Promise<void> | void): void;
}

interface ServerOptions {
  readonly checksSignatures?: boolean;
}

export class S3Server {
  readonly #modules: string;
  readonly #directory: string;
  #child: ChildProcess | undefined;
  readonly #checksSignatures: boolean;
  #port = 0;

  private constructor(modules: string, directory: string, checksSignatures: boolean) {
    this.#modules = modules;
    this.#directory = directory;
    this.#checksSignatures = checksSignatures;
  }

  /** With an empty bucket `packs`; it ends with the test. */
  static async start(context: Context, { checksSignatures = true }: ServerOptions = {}): Promise<S3Server> {
    const modules = installLocked(join(import.meta.dirname, "server"));
    const server = new S3Server(modules, await tempDirectory(context), checksSignatures);
    context.after(() => server.kill());
    await server.startAgain();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** On the port that it had. */
  async startAgain(): Promise<void> {
    assert(this.#child === undefined, "it is down");
    // Its marks of the next page are encrypted with a cipher that is no longer on by itself.
    const args = [
      "--openssl-legacy-provider",
      script,
      this.#modules,
      this.#directory,
      String(this.#port),
      String(this.#checksSignatures),
    ];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const { stdout } = child;
    assert(stdout !== null);
    const [line] = await once(createInterface({ input: stdout }), "line");
    this.#port = Number(line);
  }

  /** SIGKILL; settles when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}

/** The bucket `packs` below `prefix`, at this port; `options` may say anything else. */
export function bucketAt(context: Context, port: number, prefix: string, options: Partial<S3Options> = {}): S3Bucket {
  const place = options.place ?? placeAt(port, prefix);
  const exchange = createExchange(place);
  const bucket = new S3Bucket({
    place,
    credentials,
    region: "us-east-1",
    exchange,
    clock: realClock,
    random: createRealRandom(),
    ...options,
  });
  context.after(() => {
    bucket.outage.close();
    exchange.close();
  });
  return bucket;
}

export function placeAt(port: number, prefix: string): BucketPlace {
  return must(parseBucketUrl(`http://127.0.0.1:${port}/packs/${prefix}`, "path"), "the URL is one");
}
