/** The listener of administrators: opened where an authority for them is named, and there is an auth to ask. */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { readTls } from "#actors/gateway/administrators/tls-files.ts";
import type { GatewayConfig } from "#actors/gateway/config.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { CellEnv, ConfigView } from "#runtime/actor-module.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Edge, EdgeLimits } from "#runtime/edge/edge.ts";
import type { Ref } from "#runtime/ref.ts";

/**
 * Connections of administrators at once; for one more the oldest is closed that has shown no certificate yet, so that strangers
 * keep nobody out. With one request each, they hold that many bodies.
 */
export const ADMIN_CONNECTIONS_MAX = 64;

export interface AdminDoor {
  readonly edge: Edge;
  readonly auth: Ref<AuthProtocol>;
  readonly ingest: Ref<IngestProtocol>;
  readonly disk: Disk;
}

/** Or a sentence about what keeps it from being there. */
export async function listenToAdministrators(env: CellEnv, config: ConfigView<GatewayConfig>): Promise<Edge | string> {
  const { adminHost: host, adminPort } = config.current;
  const tls = await readTls(env.disk, config.current);
  if (typeof tls === "string") return tls;
  const limits = (): EdgeLimits => ({ ...config.current, connectionsMax: ADMIN_CONNECTIONS_MAX });
  const { clock, random, metrics } = env;
  const before = portOf(env.node.addresses.admin);
  // The one that it had, where any will do: clients were told of it.
  const ports = adminPort === 0 && before !== undefined ? [before, 0] : [adminPort];
  let problem = "";
  for (const port of ports) {
    const listening = await env.edges.listen({ name: "admin", host, port, tls, limits, clock, random, metrics });
    if (listening.ok) return listening.value;
    const { failure } = listening;
    const cause = failure.code === "edge.bind-failed" ? failure.errno : failure.cause;
    problem = `the listener of administrators cannot be had on ${host}:${port}: ${cause}`;
  }
  return problem;
}

function portOf(url: string | undefined): number | undefined {
  return url === undefined ? undefined : Number(new URL(url).port);
}
