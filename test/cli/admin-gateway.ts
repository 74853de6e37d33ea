/** A gateway with a real listener for administrators, and the files of `auth init` that it lets in. Auth and ingest are fakes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeNew } from "#cli/auth-init.ts";
import { makeTrust } from "#cli/trust-files.ts";
import { parsePrivateKey, signerOf } from "#client/ssh/private-key.ts";
import type { Edge } from "#runtime/edge/edge.ts";
import { assert, must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { certify, type Owner } from "#test/actors/gateway/administrators/door.ts";
import { FakeAuth } from "#test/actors/gateway/administrators/fake-auth.ts";
import { FakeIngest } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { type Opened, openReal } from "#test/actors/gateway/kit.ts";

export interface AdminGateway extends Opened<Edge> {
  readonly auth: FakeAuth;
  readonly ingest: FakeIngest;
  /** For files of the test; it goes with the gateway. */
  readonly root: string;
  /** The files of its administrators. */
  readonly trust: string;
  /** Where its listener for administrators is. */
  readonly adminUrl: string;
  close(): Promise<void>;
}

export async function openAdminGateway(): Promise<AdminGateway> {
  const root = mkdtempSync(join(tmpdir(), "cepa-admin-"));
  const trust = await newTrust(join(root, "trust"));
  const auth = new FakeAuth();
  const ingest = new FakeIngest();
  const read = (name: string): string => readFileSync(join(trust, name), "utf8");
  const edges: Edge[] = [];
  const gateway = await openReal({
    config: { adminSshAuthority: [join(trust, "admin_ssh_ca.pub")], adminClientNames: ["cepa-admin"] },
    admin: async (_machine, view) => {
      const files = { certificate: read("admin_server.pem"), key: read("admin_server.key") };
      const tls = { ...files, clientAuthority: read("admin_x509_ca.pem"), handshakeTimeoutMs: 5000 };
      const seams = { clock: realClock, random: seededRandom(1), metrics: new Metrics() };
      const limits = () => view.current;
      const edge = must(await realEdges.listen({ ...seams, host: "127.0.0.1", port: 0, tls, limits }), "listening");
      edges.push(edge);
      return { edge, auth, ingest, disk: createRealDisk() };
    },
  });
  const [adminEdge] = edges;
  assert(adminEdge !== undefined, "it listens");
  const close = async (): Promise<void> => {
    await adminEdge.close();
    await gateway.edge.close();
    rmSync(root, { recursive: true });
  };
  return { ...gateway, auth, ingest, root, trust, adminUrl: adminEdge.url, close };
}

/** Files of `auth init`, but with a certificate for the clock of the test. */
export async function newTrust(directory: string): Promise<string> {
  must(writeNew(directory, await makeTrust({ directory, hosts: [], nowMs: Date.now() })), "written");
  const owner = async (file: string): Promise<Owner> => {
    const key = parsePrivateKey(readFileSync(join(directory, file), "utf8"));
    assert(typeof key !== "string", "a key");
    const signer = await signerOf(key);
    assert(signer !== undefined, "a whole one");
    return { key, signer };
  };
  const line = await certify(await owner("admin_ssh_ca"), (await owner("admin_ssh")).key);
  writeFileSync(join(directory, "admin_ssh-cert.pub"), `${line}\n`);
  return directory;
}
