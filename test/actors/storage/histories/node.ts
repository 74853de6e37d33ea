/** One life of storage on a disk that others had before: started, asked, and ended as a process ends. */
import assert from "node:assert/strict";
import type { Digest } from "#actors/domain/address.ts";
import { type StorageDeps, storageBehavior } from "#actors/storage/actor.ts";
import type { VolumeSettings } from "#actors/storage/open-store.ts";
import type { Cursor, StorageFacts, StorageProtocol } from "#actors/storage/protocol.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { memoryLocks } from "#runtime/simulated/lock.ts";
import { KiB, MiB } from "#runtime/units.ts";
import type { Mortal } from "#test/actors/storage/mortal.ts";
import { directory, smallConfig, within } from "#test/actors/storage/storage-kit.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";

/** Packs fill, descriptors run out and uploads wait in every history. */
const config = {
  ...smallConfig,
  packSealBytes: 512 * KiB,
  openPacksMax: 2,
  reserveBytes: 16 * KiB,
  readDescriptorsMax: 2,
};
/** Puts hold a chunk with all its shards. */
const overVolumes = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB };
const PAGE_ENTRIES = 7;

export interface Listed {
  readonly manifests: readonly Digest[];
  /** Those that are listed without an address. */
  readonly nameless: ReadonlySet<Digest>;
  readonly next: Cursor;
  readonly total: number;
}

export class Node {
  readonly kit: Started<StorageProtocol>;
  readonly life: Mortal;

  private constructor(kit: Started<StorageProtocol>, life: Mortal) {
    this.kit = kit;
    this.life = life;
  }

  /** Undefined where it dies before it answers, or what it failed with. */
  static async start(life: Mortal, seed: number, volumes?: VolumeSettings): Promise<Node | Error | undefined> {
    const { disk, kv } = life;
    const machine = testMachine(undefined, seed);
    const deps: StorageDeps = {
      config: { current: volumes === undefined ? config : { ...config, ...overVolumes } },
      directory,
      disk,
      locks: memoryLocks(machine.clock),
      kv,
      cpu: inlineCpu({ disk }),
      scheduler: realScheduler,
      metrics: machine.metrics,
      ...(volumes === undefined ? {} : { volumes }),
    };
    const starting = startActor(storageBehavior, deps, { capacity: 512, laterMax: 512, machine });
    const kit = await Promise.race([starting.catch(asError), life.dead.then(() => undefined)]);
    return kit === undefined || kit instanceof Error ? kit : new Node(kit, life);
  }

  /** How the start ends. */
  async settled(): Promise<"whole" | "crashed" | "dead"> {
    for (let attempt = 0; attempt < 100_000; attempt += 1) {
      if (this.kit.exits.length > 0) return "crashed";
      const facts = await this.facts();
      if (facts === undefined) return this.life.isDead ? "dead" : "crashed";
      if (facts.rebuilding === undefined) return "whole";
      await turn();
      if (attempt % 10 === 9) await this.kit.clock.advance(1);
    }
    throw new Error("a rebuild does not end");
  }

  async facts(): Promise<StorageFacts | undefined> {
    const facts = await Promise.race([this.kit.ref.call("describe", {}, within), this.life.dead]);
    return facts?.ok ? facts.value : undefined;
  }

  /** Packs that this start has set aside. */
  get setAsideCount(): number {
    return this.kit.metrics.takeDeltas().find(({ name }) => name === "storage_packs_set_aside")?.value ?? 0;
  }

  async list(after: Cursor | undefined): Promise<Listed> {
    const manifests: Digest[] = [];
    const nameless = new Set<Digest>();
    for (let from = after; ; ) {
      const page = await this.kit.ref.call("listManifests", { after: from, limit: PAGE_ENTRIES }, within);
      assert(page.ok, JSON.stringify(page));
      const { entries, next, total, done } = page.value;
      for (const { address, manifest } of entries) {
        manifests.push(manifest);
        if (address === undefined) nameless.add(manifest);
      }
      if (done) return { manifests, nameless, next, total };
      from = next;
    }
  }

  async crash(): Promise<void> {
    this.kit.actor.kill("ended by the test");
    for (let count = 0; count < 20; count += 1) await turn();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

export async function passed(turns: number): Promise<void> {
  for (let count = 0; count < turns; count += 1) await turn();
}
