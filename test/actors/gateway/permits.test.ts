/** Backpressure lives at the edge: what the gateway admits fits into what the tree gives overlay (architecture §3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkGatewayConfig, REQUESTS_BELOW_MAX } from "#actors/gateway/config.ts";
import { tree } from "#supervisor/tree.ts";
import { gatewayConfig } from "#test/actors/gateway/kit.ts";

describe("gateway: permits", () => {
  it("are bounded by the mailbox and the tasks of overlay, one of which is its feeder", () => {
    const overlay = tree.cells.flatMap(({ workers }) => workers).find(({ name }) => name === "overlay");
    assert(overlay !== undefined);

    assert.equal(REQUESTS_BELOW_MAX, overlay.mailbox.capacity + overlay.laterMax - 1);
  });

  it("may add up to the bound, not to one more", () => {
    const config = gatewayConfig();
    const room = REQUESTS_BELOW_MAX - config.writeRequestsMax - config.adminRequestsMax;

    const at = checkGatewayConfig({ ...config, readRequestsMax: room });
    const past = checkGatewayConfig({ ...config, readRequestsMax: room + 1 });

    assert.equal(at, undefined);
    assert.match(past ?? "", /1151/);
  });
});
