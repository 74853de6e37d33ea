/**
 * nginx as a peer: serves a folder with `sendfile` on loopback.
 *
 * Taken from the system, or unpacked from Debian's package into the cache: never installed, so never started as a
 * service. Absent is a result too.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { unpackDebian } from "#bench/debian.ts";
import { freePort } from "#bench/free-port.ts";
import { say } from "#bench/say.ts";
import { killedAtExit, TemporaryFolder } from "#bench/temporary.ts";

const START_TIMEOUT_MS = 5000;

export interface Nginx extends AsyncDisposable {
  readonly port: number;
}

/** Undefined when there is no nginx and none can be had. `cache` is a folder that may be kept between runs. */
export async function startNginx(cache: string, served: string): Promise<Nginx | undefined> {
  const found = findBinary(cache) ?? (unpackDebian("nginx", join(cache, "nginx"), say) ? findBinary(cache) : undefined);
  if (found === undefined) return undefined;

  const temporary = new TemporaryFolder(cache, "nginx-run-");
  const folder = temporary.path;
  const port = await freePort();
  writeFileSync(join(folder, "nginx.conf"), configuration(folder, served, port));
  const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")];
  const server = killedAtExit(spawn(found, args, { stdio: "ignore" }));
  const dispose = async (): Promise<void> => {
    if (server.exitCode === null && server.kill("SIGQUIT")) await once(server, "exit");
    temporary[Symbol.dispose]();
  };
  if (await listens(port, server)) return { port, [Symbol.asyncDispose]: dispose };
  await dispose();
  return undefined;
}

function findBinary(cache: string): string | undefined {
  const candidates = ["/usr/sbin/nginx", join(cache, "nginx/usr/sbin/nginx")];
  return candidates.find((path) => existsSync(path));
}

function configuration(folder: string, served: string, port: number): string {
  return `
daemon off;
worker_processes 1;
pid "${folder}/pid";
error_log "${folder}/error.log";
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=10000;
  client_body_temp_path "${folder}/body";
  proxy_temp_path "${folder}/proxy";
  fastcgi_temp_path "${folder}/fastcgi";
  uwsgi_temp_path "${folder}/uwsgi";
  scgi_temp_path "${folder}/scgi";
  server {
    listen 127.0.0.1:${port};
    root "${served}";
  }
}
${process.getuid?.() === 0 ? "user root;" : ""}
`;
}

async function listens(port: number, server: ChildProcess): Promise<boolean> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs && server.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const connected = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (connected) return true;
    await pause(50);
  }
  return false;
}
