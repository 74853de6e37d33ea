/**
 * Many at once, without order: producers come, rotate their keys, leave and come back, reviewers approve and deny, tokens are
 * given, renewed and revoked. What must hold at every moment is looked at meanwhile; what must hold of the answers, afterwards.
 */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Change, Fingerprint, ProducerId } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { must } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { openSql } from "#runtime/real/sql.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { Sql, SqlRow } from "#runtime/sql/sql.ts";
import { grantOf, requestOf, Scene, smallLimits, within } from "#test/actors/auth/directory/scene.ts";

const SCHEMA = "auth_crowd";
const PENDING_MAX = 3;
const WORKERS = 8;
const STEPS = 120;
const LIMITS = { ...smallLimits, requestsUnapprovedMax: 1000, changesMax: 1000 };

/** When somebody began and when the answer was there, in an order of all such moments. */
interface Moment {
  readonly fromTick: number;
  readonly toTick: number;
}

interface Known {
  readonly producers: ProducerId[];
  readonly keys: { readonly fingerprint: Fingerprint; readonly producerId: ProducerId }[];
  /** Tokens that were given, with the keys that they are for. */
  readonly tokens: (Moment & { readonly jti: string; readonly fingerprint: Fingerprint })[];
  readonly approvals: Map<Fingerprint, Moment>;
  readonly ends: Map<Fingerprint, Moment>;
  readonly revoked: (Moment & { readonly jti: string })[];
  /** What was answered to a request, by key and nonce. */
  readonly outcomes: Map<string, string>;
  tick: number;
}

export function describeCrowd(url: string): void {
  const sql = openSql({ url, connectionsMax: WORKERS + 2, statementTimeoutMs: 10_000 });
  after(() => sql.close());
  const directory = postgresDirectory(sql, { schema: SCHEMA, limits: LIMITS });

  describe("directory (postgres): many at once", () => {
    it("keep to the rules at every moment, and every answer is true", async () => {
      must(await directory.open(within), "open");
      const known: Known = {
        ...{ producers: [], keys: [], tokens: [], revoked: [], tick: 0 },
        ...{ approvals: new Map(), ends: new Map(), outcomes: new Map() },
      };
      let isOver = false;
      const read: Change[] = [];
      const watching = (async () => {
        for (let since = 0; ; ) {
          const wasOver = isOver;
          await look(sql);
          const { last, changes } = must(await directory.changesSince(since, within), "changes");
          read.push(...changes);
          assert.equal(last, since + changes.length);
          since = last;
          if (wasOver) return;
        }
      })();

      const working = Array.from({ length: WORKERS }, async (_none, index) => {
        const worker = new Worker(new Scene(directory), known, seededRandom(index + 1), index);
        for (let step = 0; step < STEPS; step += 1) await worker.step();
      });
      await Promise.all(working).finally(() => {
        isOver = true;
      });
      await watching;

      const { changes } = must(await directory.changesSince(0, within), "all changes");
      assert.deepEqual(read, changes);
      judge(known);
      await judgeRequests(sql, known);
      const twice = `select from ${SCHEMA}.reviews where verdict = 'approved' group by fingerprint having count(*) > 1`;
      assert.deepEqual(await ask(sql, twice), [], "no key is approved twice");
      const counts = [known.tokens.length, known.ends.size, known.approvals.size, known.revoked.length, changes.length];
      assert(Math.min(...counts) > 3, `everything has happened: ${counts.join()}`);
    });
  });
}

/** One who goes from one thing to the next, and uses what others have left. */
class Worker {
  readonly #scene: Scene;
  readonly #known: Known;
  readonly #random: Random;
  readonly #name: string;
  #count = 0;

  constructor(scene: Scene, known: Known, random: Random, index: number) {
    this.#scene = scene;
    this.#known = known;
    this.#random = random;
    this.#name = `w${index}`;
  }

  async step(): Promise<void> {
    const { producers, keys, tokens } = this.#known;
    const producerId = this.#one(producers);
    const key = this.#one(keys);
    const token = this.#one(tokens);
    const choice = this.#random.below(16);
    if (choice < 3 || key === undefined || producerId === undefined)
      return await this.#register(this.#fresh(), undefined);
    if (choice < 5) return await this.#register(this.#fresh(), producerId);
    if (choice < 6) return await this.#register(key.fingerprint, undefined);
    if (choice < 10) return await this.#approve(key.fingerprint, key.producerId);
    if (choice < 11) return await this.#deny(key.fingerprint, key.producerId);
    if (choice < 12) return void (await this.#scene.deregister(key.fingerprint, this.#fresh()));
    if (choice < 14 || token === undefined) return await this.#issue(key.fingerprint, key.producerId);
    if (choice < 15) return await this.#renew(token.jti, token.fingerprint);
    const { moment } = await this.#timed(() => this.#scene.revokeToken(token.jti));
    this.#known.revoked.push({ jti: token.jti, ...moment });
  }

  async #register(fingerprint: string, producerId: ProducerId | undefined): Promise<void> {
    const { keys, producers, outcomes } = this.#known;
    const nonce = this.#fresh();
    const answer = await this.#scene.register(fingerprint, { nonce, producerId, pendingMax: PENDING_MAX });
    if (answer.kind === "full" || ("producerId" in answer && answer.producerId === undefined)) return;
    outcomes.set(`${fingerprint} ${nonce}`, answer.kind);
    if (answer.kind !== "pending") return;
    keys.push({ fingerprint, producerId: answer.producerId });
    if (producerId === undefined) producers.push(answer.producerId);
  }

  async #approve(fingerprint: string, producerId: ProducerId): Promise<void> {
    const { answer, moment } = await this.#timed(() => this.#scene.approve(fingerprint, producerId));
    if (answer.kind !== "approved") return;
    const { approvals, ends } = this.#known;
    assert((ends.get(fingerprint)?.toTick ?? moment.fromTick) >= moment.fromTick, "no key is approved after its end");
    const first = approvals.get(fingerprint);
    if (first === undefined || moment.fromTick < first.fromTick) approvals.set(fingerprint, moment);
  }

  async #deny(fingerprint: string, producerId: ProducerId): Promise<void> {
    const { moment } = await this.#timed(() => this.#scene.deny(fingerprint, producerId));
    if (!this.#known.ends.has(fingerprint)) this.#known.ends.set(fingerprint, moment);
  }

  async #issue(fingerprint: string, producerId: ProducerId): Promise<void> {
    const jti = this.#fresh();
    const request = requestOf(fingerprint, "exchange", jti);
    const { answer, moment } = await this.#timed(() =>
      this.#scene.issue(grantOf(jti, fingerprint, producerId), request),
    );
    this.#known.outcomes.set(`${fingerprint} ${jti}`, answer.kind);
    if (answer.kind === "issued") this.#known.tokens.push({ jti, fingerprint, ...moment });
  }

  async #renew(old: string, fingerprint: string): Promise<void> {
    const jti = this.#fresh();
    const { answer, moment } = await this.#timed(() => this.#scene.renew(old, jti));
    if (answer.kind !== "renewed") return;
    const revoked = this.#known.revoked.find((one) => one.jti === old && one.toTick < moment.fromTick);
    assert.equal(revoked, undefined, "nothing is renewed that was revoked before");
    this.#known.tokens.push({ jti, fingerprint, ...moment });
  }

  async #timed<Answer>(ask: () => Promise<Answer>): Promise<{ readonly answer: Answer; readonly moment: Moment }> {
    const known = this.#known;
    known.tick += 1;
    const fromTick = known.tick;
    const answer = await ask();
    known.tick += 1;
    return { answer, moment: { fromTick, toTick: known.tick } };
  }

  #fresh(): string {
    this.#count += 1;
    return `${this.#name}-${this.#count}`;
  }

  #one<Value>(values: readonly Value[]): Value | undefined {
    return values.length === 0 ? undefined : values[this.#random.below(values.length)];
  }
}

/** At any moment. */
async function look(sql: Sql): Promise<void> {
  const [found] = await ask(
    sql,
    `with of_producer as (
        select count(*) filter (where status = 'approved') as approved,
          count(*) filter (where status = 'pending') as pending,
          count(approved_ms) as ever
        from ${SCHEMA}.keys group by producer_id)
      select count(*) filter (where approved > 1) as torn,
        count(*) filter (where ever = 0 and pending > 0) as waiting,
        coalesce(max(pending), 0) as rotating
      from of_producer`,
  );
  assert.equal(found?.["torn"], "0", "a producer has at most one approved key");
  assert(Number(found["waiting"]) <= PENDING_MAX, `${found["waiting"]} producers wait`);
  assert(Number(found["rotating"]) <= LIMITS.rotationsPendingMax, `${found["rotating"]} keys of one producer wait`);
}

/** No token of a key that was not approved when it was given. */
function judge({ tokens, approvals, ends }: Known): void {
  for (const { jti, fingerprint, fromTick, toTick } of tokens) {
    const approval = approvals.get(fingerprint);
    assert(approval !== undefined && approval.fromTick < toTick, `${jti} was given after the approval`);
    const end = ends.get(fingerprint);
    assert(end === undefined || fromTick < end.toTick, `${jti} was given before the end`);
  }
}

/** Each request that was answered is recorded once, with what it came to. */
async function judgeRequests(sql: Sql, { outcomes }: Known): Promise<void> {
  const rows = await ask(
    sql,
    `select fingerprint || ' ' || nonce as request, outcome from ${SCHEMA}.requests where operation <> 'deregister'`,
  );
  const recorded = new Map(rows.map((row) => [row["request"], row["outcome"]]));
  for (const [request, outcome] of outcomes) assert.equal(recorded.get(request), outcome, request);
  assert.equal(recorded.size, outcomes.size);
}

async function ask(sql: Sql, text: string): Promise<readonly SqlRow[]> {
  return must(await sql.query({ text }, within), text);
}
