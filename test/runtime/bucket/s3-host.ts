/** The process of the S3 server: `s3-host.ts MODULES DIRECTORY PORT CHECKS-SIGNATURES`. It says its port when it listens. */
import { createRequire } from "node:module";
import { join } from "node:path";

interface Server {
  run(): Promise<{ readonly port: number }>;
}
type ServerClass = new (options: {
  readonly address: string;
  readonly port: number;
  readonly directory: string;
  readonly silent: boolean;
  readonly allowMismatchedSignatures: boolean;
  readonly configureBuckets: readonly { readonly name: string }[];
}) => Server;

const [modules = "", directory = "", port = "0", checksSignatures = "true"] = process.argv.slice(2);
const S3rver = createRequire(join(modules, "x.js"))("@20minutes/s3rver") as ServerClass;
const buckets = [{ name: "packs" }];
const server = new S3rver({
  address: "127.0.0.1",
  port: Number(port),
  directory,
  silent: true,
  allowMismatchedSignatures: checksSignatures === "false",
  configureBuckets: buckets,
});
const listening = await server.run();
process.stdout.write(`${listening.port}\n`);
