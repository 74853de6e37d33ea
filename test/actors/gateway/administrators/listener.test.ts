/** When there is a listener for administrators, where it is, and what keeps it from being there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actorModule } from "#actors/gateway/actor.ts";
import { checkGatewayConfig, type GatewayConfig } from "#actors/gateway/config.ts";
import { formatKeyLine } from "#client/ssh/key-line.ts";
import type { CellEnv, NodeAddresses, Wiring } from "#runtime/actor-module.ts";
import { must } from "#runtime/errors.ts";
import { Scope } from "#runtime/scope.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { SimulatedEdges } from "#runtime/simulated/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { newOwner } from "#test/actors/gateway/administrators/door.ts";
import { FakeAuth } from "#test/actors/gateway/administrators/fake-auth.ts";
import { gatewayConfig } from "#test/actors/gateway/kit.ts";
import { silentLog } from "#test/kit/actor.ts";
import { newTestAuthority } from "#test/kit/authority.ts";

const FILES = { adminClientAuthority: "/trust/ca.pem", adminCertificate: "/trust/a.pem", adminKey: "/trust/a.key" };
const NAMED = { ...FILES, adminSshAuthority: ["/trust/ca.pub"] };

const authority = await newTestAuthority();
const server = await authority.issue("server", "listener");
const other = await authority.issue("server", "other");

interface Plan {
  readonly config?: Partial<GatewayConfig>;
  /** Where it was in the life before. */
  readonly before?: NodeAddresses;
  readonly hasAuth?: boolean;
  readonly without?: string;
  /** Other text of a file than what it should have. */
  readonly changed?: Readonly<Record<string, string>>;
  /** Ports that somebody else has. */
  readonly taken?: readonly number[];
}

async function wire({ config = NAMED, before = {}, hasAuth = true, without, changed, taken = [] }: Plan) {
  const disk = new MemoryDisk();
  const edges = new SimulatedEdges();
  const clock = new ManualClock();
  const place = { random: seededRandom(1), metrics: new Metrics(), clock };
  const limits = () => gatewayConfig();
  for (const port of taken) must(await edges.listen({ ...place, host: "127.0.0.1", port, limits }), "taken");
  must(await disk.makeDirectory("/trust"), "a directory");
  const { key } = await newOwner();
  const texts = {
    "/trust/ca.pub": `${formatKeyLine(key)}\n`,
    "/trust/ca.pem": authority.cert,
    "/trust/a.pem": server.cert,
    "/trust/a.key": server.key,
    ...changed,
  };
  for (const [path, text] of Object.entries(texts)) {
    if (path !== without) must(await disk.replaceFile(path, Buffer.from(text)), "a file");
  }
  const told: NodeAddresses[] = [];
  const errors: string[] = [];
  const env = {
    ...place,
    disk,
    edges,
    log: { ...silentLog, error: (event: string) => errors.push(event) },
    node: { http: { host: "127.0.0.1", port: 7700 }, insecurePublic: false, addresses: before },
    listens: (addresses: NodeAddresses) => told.push(addresses),
  } as unknown as CellEnv;
  const view = { current: gatewayConfig(config) };
  const auth = hasAuth ? new FakeAuth() : undefined;
  const refs = { ref: () => new FakeAuth(), refIfAny: () => auth } as unknown as Pick<
    Wiring<never>,
    "ref" | "refIfAny"
  >;
  const problem = await actorModule.checkPlace?.(env, view.current);
  const deps = await Promise.resolve(actorModule.wire({ env, config: view, scope: new Scope(), ...refs })).catch(
    (defect: Error) => defect.message,
  );
  return { problem, admin: typeof deps === "string" ? deps : deps.admin?.edge.url, told, errors };
}

describe("gateway: the listener of administrators (GW-98)", () => {
  it("is on a free port of this machine, and the node is told", async () => {
    const { problem, admin, told } = await wire({});

    assert.equal(problem, undefined);
    assert.equal(admin, "https://127.0.0.1:40000");
    assert.deepEqual(told, [{ admin }]);
  });

  it("is where the configuration says", async () => {
    const { admin } = await wire({ config: { ...NAMED, adminHost: "10.0.0.1", adminPort: 8443 } });

    assert.equal(admin, "https://10.0.0.1:8443");
  });

  for (const [when, plan] of [
    ["no authority is named", { config: {} }],
    ["there is no auth", { hasAuth: false }],
  ] as const) {
    it(`is not there where ${when}`, async () => {
      const { problem, admin, told } = await wire(plan);

      assert.deepEqual([problem, admin, told], [undefined, undefined, []]);
    });
  }

  it("is on the port that it had, also when that was any; on another where somebody has taken it", async () => {
    const before = { admin: "https://127.0.0.1:41234" };

    const again = await wire({ before });
    const moved = await wire({ before, taken: [41_234] });
    const named = await wire({ before, config: { ...NAMED, adminPort: 8443 } });

    assert.deepEqual(
      [again.admin, moved.admin, named.admin],
      ["https://127.0.0.1:41234", "https://127.0.0.1:40000", "https://127.0.0.1:8443"],
    );
  });

  for (const path of [...Object.values(FILES), "/trust/ca.pub"]) {
    it(`keeps a node from its first start without ${path}, and nobody from it later`, async () => {
      const first = await wire({ without: path });
      const later = await wire({ without: path, before: { admin: "https://127.0.0.1:41234" } });

      const { problem = "" } = first;
      assert(problem.includes(path) && problem.includes("cannot be read (disk.not-found)"), problem);
      assert.equal(later.problem, undefined);
      if (path === "/trust/ca.pub") assert.equal(later.admin, "https://127.0.0.1:41234");
      else assert.deepEqual([later.admin, later.errors], [undefined, ["gateway.admin-lost"]]);
    });
  }

  for (const [what, path, text, said] of [
    ["a key", "/trust/a.pem", server.key, "gateway.adminCertificate: /trust/a.pem has no certificate in PEM"],
    ["a certificate", "/trust/a.key", server.cert, "gateway.adminKey: /trust/a.key has no private key in PEM"],
    ["the key of another", "/trust/a.key", other.key, "gateway.adminKey: /trust/a.key is not the key of /trust/a.pem"],
    ["nothing", "/trust/ca.pem", "", "gateway.adminClientAuthority: /trust/ca.pem has no certificate of an authority"],
    ["no authority's certificate", "/trust/ca.pem", server.cert, "gateway.adminClientAuthority: /trust/ca.pem has no"],
  ] as const) {
    it(`keeps a node from its first start where ${path} has ${what}, and says so`, async () => {
      const changed = { [path]: text };
      const { problem = "" } = await wire({ changed });
      const later = await wire({ changed, before: { admin: "https://127.0.0.1:41234" } });

      assert(problem.startsWith(said), problem);
      assert.doesNotMatch(problem, /PRIVATE|BEGIN/);
      assert.deepEqual([later.problem, later.admin, later.errors], [undefined, undefined, ["gateway.admin-lost"]]);
    });
  }

  it("fails the start where its port is taken", async () => {
    const { admin } = await wire({ config: { ...NAMED, adminPort: 8443 }, taken: [8443] });

    assert.match(String(admin), /cannot be had on 127\.0\.0\.1:8443: EADDRINUSE/);
  });

  it("is asked for whole, or not at all", () => {
    const check = (changes: Partial<GatewayConfig>): string => checkGatewayConfig(gatewayConfig(changes)) ?? "fine";

    assert.equal(check(NAMED), "fine");
    assert.match(check({ ...NAMED, adminKey: "" }), /adminKey/);
    assert.match(check({ ...NAMED, adminCertificate: "" }), /adminCertificate/);
    assert.match(check({ ...NAMED, adminSshAuthority: [] }), /adminSshAuthority/);
    assert.match(check({ ...NAMED, adminPrincipals: [] }), /adminPrincipals/);
    assert.equal(check({ ...NAMED, adminClientAuthority: "", adminKey: "" }), "fine");
  });
});
