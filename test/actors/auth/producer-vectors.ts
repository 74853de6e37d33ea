/**
 * The vectors of `specs/formats/producers.md`, made without the code of the node. Run by itself it writes them into the page.
 */
import { sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { rawKey } from "#test/actors/domain/ssh/raw.ts";

export const producersPage: URL = new URL("../../../specs/formats/producers.md", import.meta.url);

export interface RequestVector {
  readonly what: string;
  /** As it is sent. */
  readonly payload: string;
  readonly nonce: string;
  readonly sig: string;
  /** `signed for <purpose>`, or the status and the reason of the refusal. */
  readonly is: string;
}

export interface EventVector {
  readonly payload: string;
  /** What is stored, or the reason and the error of the dead letter. */
  readonly is: string;
}

/** Of test 1 in RFC 8032 §7.1: everybody has its private half. */
const SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const holder = rawKey(SEED, "vec@test");
export const KEY_LINE: string = holder.line;
/** Base64 of SHA3-512 over the key; `ssh.json` has it too. */
export const FINGERPRINT = "eo1gbgb/CBOWLyin5DdkTzWzc7wxQYgTfDrsEudoNVGghYXDxqKVmYpwWhzI/IcNY/i8k7PFKh13EpLS0En9HQ==";

const PRODUCER = "8ac2a244-9960-4b96-9e9b-1842e6430174";
const SUBJECT = "24ef8a0a-8fdd-45a6-997d-7a6d4e118344";
const REGISTER = '{"action":"register","contact":"ops@example.com","meta":{"region":"eu"},"producer_hint":"desk"}';
const BODY = '"op":"register","schema_body":{"type":"object"},"schema_name":"quotes","subject_key":"desk/1"}';

const SENT: readonly Pick<RequestVector, "what" | "payload" | "is">[] = [
  { what: "a registration", payload: REGISTER, is: "signed for register" },
  {
    what: "a further key of a producer",
    payload: `{"action":"register","producer_id":"${PRODUCER}"}`,
    is: "signed for register",
  },
  { what: "the end of a producer", payload: '{"action":"deregister"}', is: "signed for deregister" },
  {
    what: "an exchange for one subject",
    payload: `{"action":"exchange","producer_id":"${PRODUCER}","subject_id":"${SUBJECT}"}`,
    is: "signed for exchange",
  },
  { what: "a subject, by RFC 8785", payload: `{"attrs":{"city":"Zürich"},${BODY}`, is: "signed for subject" },
  {
    what: "the same, as other encoders write it",
    payload: `{"attrs":{"city":"Z\\u00fcrich"},${BODY}`,
    is: "signed for subject",
  },
  {
    what: "an upgrade",
    payload:
      '{"attrs_delta":{"open":true},"op":"upgrade","schema_delta":{"properties":{"px":{"type":"number"}}},' +
      '"schema_name":"quotes","subject_key":"desk/1"}',
    is: "signed for subject",
  },
  { what: "a space between two members", payload: '{"action": "deregister"}', is: "invalid_payload not-compact" },
];

/** By which the vectors of events are judged: the month before it has 30 days. */
export const NOW = "2026-12-23T18:00:00Z";

const LEAN = `"subject_id":"${SUBJECT}"`;
const ULID = "01J9Z0MZ3D0J3C3N8C4E9W6Z7Q";
const MICROS = "1798048800000001";

function lean(members: string, ts = NOW): string {
  return `{"event_id":"${eventId(1)}","ts":"${ts}",${LEAN},${members}}`;
}

function envelope(type: string, data: string): string {
  return `{"version":"0.1.0","type":"${type}","id":"${ULID}","ts":${MICROS},"data":${data}}`;
}

export const EVENTS: readonly EventVector[] = [
  {
    payload: lean(
      '"payload":{"px":101.250},"tags":[{"key":"core.symbol","value":"AAPL"}]',
      "2026-12-23T19:00:00.123456789+01:00",
    ),
    is: `event ${eventId(1)}, ts_ns 1798048800123456789, payload {"px":101.250}, tags core.symbol=AAPL`,
  },
  {
    payload: lean('"payload":7', "2026-11-23T18:00:00Z"),
    is: `event ${eventId(1)}, ts_ns 1795456800000000000, payload 7`,
  },
  { payload: lean('"payload":7', "2026-11-23T17:59:59.999999999Z"), is: "ts_out_of_range too-old" },
  {
    payload: lean('"payload":7', "2026-12-23T19:00:00Z"),
    is: `event ${eventId(1)}, ts_ns 1798052400000000000, payload 7`,
  },
  { payload: lean('"payload":7', "2026-12-23T19:00:00.000000001Z"), is: "ts_out_of_range too-new" },
  { payload: lean('"payload":7', "2026-12-23T18:00:00"), is: "bad_event_json bad-ts" },
  { payload: lean('"payload":7', "2026-12-23T18:00:00.0000000001Z"), is: "bad_event_json bad-ts" },
  { payload: lean('"payload":null'), is: "bad_event_json no-payload" },
  { payload: lean('"payload":7,"tags":{"core.symbol":"AAPL"}'), is: "bad_event_json bad-tags" },
  {
    payload: envelope("data", '{"kind":"trade","source":"binance","symbol":"BTC/USDT","payload":{"price":"1.0"}}'),
    is:
      "event 01927e0a-7c6d-0486-c1d5-0c2393c37cf7, ts_ns 1798048800000001000, " +
      'payload {"kind":"trade","source":"binance","symbol":"BTC/USDT","payload":{"price":"1.0"}}, ' +
      "tags core.source=binance core.symbol=BTC/USDT, subject binance/BTC/USDT, schema fdc-0.1.0/trade",
  },
  { payload: envelope("heartbeat", "null"), is: "no event: heartbeat" },
  { payload: envelope("data", '{"kind":"trade","source":"a/b","symbol":"BTC"}'), is: "bad_envelope bad-source" },
];

export const REQUESTS: readonly RequestVector[] = SENT.map(({ what, payload, is }, at) => {
  const nonce = (0xa0 + at).toString(16).repeat(16);
  return {
    what,
    payload,
    nonce,
    sig: sign(null, Buffer.from(`${payload}.${nonce}`), holder.key).toString("base64"),
    is,
  };
});

/** The last section of the page. */
export function vectorsSection(): string {
  const requests = REQUESTS.map(
    ({ what, payload, nonce, sig, is }) =>
      `# ${what}\npayload ${payload}\nnonce   ${nonce}\nsig     ${sig}\nis      ${is}\n`,
  );
  const events = EVENTS.map(({ payload, is }) => `payload ${payload}\nis      ${is}\n`);
  return `## Vectors
Requests by the key of test 1 in RFC 8032 §7.1, whose private half everybody has: never register it. \`is\` says what
the request may be acted on as, or why it is refused although its signature holds.

\`\`\`text
seed        ${SEED}
pubkey      ${KEY_LINE}
fingerprint ${FINGERPRINT}

${requests.join("\n")}\`\`\`

Events by what \`payload\` of the entry is, where the node's clock says \`${NOW}\`. \`is\` says what is stored, or the reason and the error
of the dead letter.

\`\`\`text
${events.join("")}\`\`\`

Written by \`node test/actors/auth/producer-vectors.ts\`; a test holds them equal to the code.
`;
}

function eventId(at: number): string {
  return `019ab1f2-7c80-7000-8000-${String(at).padStart(12, "0")}`;
}

if (import.meta.main) {
  const page = readFileSync(producersPage, "utf8");
  const [before = ""] = page.split("## Vectors\n");
  writeFileSync(producersPage, before + vectorsSection());
}
