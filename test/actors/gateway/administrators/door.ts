/** A gateway with a listener for administrators, in memory, and administrators who sign what they ask of it. */
import { randomBytes } from "node:crypto";
import type { GatewayConfig } from "#actors/gateway/config.ts";
import { type AdminRequest, signAdminRequest } from "#client/admin-request.ts";
import { type CertificateSpec, FOREVER, type SshSigner, signCertificate } from "#client/ssh/certificate.ts";
import { formatCertificateLine, formatKeyLine } from "#client/ssh/key-line.ts";
import { newPrivateKey, type PrivateKey, signerOf } from "#client/ssh/private-key.ts";
import { assert, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import {
  type SimulatedAnswer,
  type SimulatedEdge,
  SimulatedEdges,
  type SimulatedRequest,
} from "#runtime/simulated/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { FakeAuth } from "#test/actors/gateway/administrators/fake-auth.ts";
import { FakeIngest } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { type Opened, openSimulated } from "#test/actors/gateway/kit.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

export const AUTHORITY_PATH = "/trust/admin_ssh_ca.pub";

export interface Owner {
  readonly key: PrivateKey;
  readonly signer: SshSigner;
}

export interface Door extends Opened<SimulatedEdge> {
  readonly adminEdge: SimulatedEdge;
  readonly auth: FakeAuth;
  readonly ingest: FakeIngest;
  readonly disk: MemoryDisk;
  /** Who signed the certificate of `administrator`. */
  readonly authority: Owner;
  readonly administrator: Owner;
  readonly certificate: string;
  /** Signed by the administrator, unless it is changed. */
  ask(asked: Asking): Promise<SimulatedAnswer>;
}

export interface Asking extends Partial<AdminRequest> {
  /** Instead of those of the administrator. */
  readonly signer?: SshSigner;
  readonly certificate?: string;
  /** What is sent in the place of what was signed. */
  readonly sent?: Partial<SimulatedRequest>;
  readonly sentBody?: string;
}

export async function newOwner(): Promise<Owner> {
  const key = await newPrivateKey("test");
  const signer = await signerOf(key);
  assert(signer !== undefined, "a new key is whole");
  return { key, signer };
}

/** The line of a certificate over `key`. */
export async function certify(
  authority: Owner,
  key: PrivateKey,
  changes: Partial<CertificateSpec> = {},
): Promise<string> {
  const spec: CertificateSpec = {
    publicKey: key.publicKey,
    principals: ["fdc-admin"],
    keyId: "an administrator",
    serial: 7n,
    validAfter: 0n,
    validBefore: FOREVER,
    nonce: randomBytes(32),
    ...changes,
  };
  const made = await signCertificate(spec, authority.signer);
  assert(typeof made !== "string", "a certificate");
  return formatCertificateLine(made, "a comment, with a comma");
}

export async function openDoor(config: Partial<GatewayConfig> = {}): Promise<Door> {
  const auth = new FakeAuth();
  const ingest = new FakeIngest();
  const disk = new MemoryDisk();
  const [authority, administrator] = [await newOwner(), await newOwner()];
  must(await disk.makeDirectory("/trust"), "a directory");
  must(await disk.replaceFile(AUTHORITY_PATH, Buffer.from(`${formatKeyLine(authority.key)}\n`)), "a file");
  const edges = new SimulatedEdges();
  const tls = { certificate: "", key: "", clientAuthority: "", handshakeTimeoutMs: 1 };
  const opened = await openSimulated({
    config: { adminSshAuthority: [AUTHORITY_PATH], adminClientNames: ["ops.example"], ...config },
    admin: async ({ clock, metrics }, view) => {
      const random = seededRandom(3);
      const limits = () => view.current;
      const listening = await edges.listen({ host: "127.0.0.1", port: 0, tls, limits, clock, random, metrics });
      return { edge: must(listening, "listening"), auth, ingest, disk };
    },
  });
  const [adminEdge] = edges.listening.values();
  assert(adminEdge !== undefined, "it listens");
  const certificate = await certify(authority, administrator.key);
  const ask = async (asking: Asking): Promise<SimulatedAnswer> => {
    const { method = "GET", path = "/auth", body = {}, nonce = randomBytes(16).toString("hex") } = asking;
    const given = { certificate: asking.certificate ?? certificate, ...(asking.signer ?? administrator.signer) };
    const signed = await signAdminRequest({ method, path, body, nonce }, given);
    const text = asking.sentBody ?? (method === "GET" ? "" : signed.body);
    const bytes = Buffer.from(text);
    const answer = await adminEdge.send({
      method,
      target: path,
      client: { names: ["Ops.Example"] },
      ...(bytes.length === 0
        ? {}
        : {
            body: sourceOver(bytes, { pieceBytes: () => 7, failure: { code: "gateway.body-truncated" } }),
            contentLength: bytes.length,
          }),
      ...asking.sent,
      headers: { ...signed.headers, ...asking.sent?.headers },
    });
    assert(answer !== undefined, "the listener accepts");
    return answer;
  };
  return { ...opened, adminEdge, auth, ingest, disk, authority, administrator, certificate, ask };
}
