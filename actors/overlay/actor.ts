/** Overlay: `protocol.ts` says what it promises, `config.ts` what its limits are. */
import type { Address } from "#actors/domain/address.ts";
import type { IndexProtocol } from "#actors/index/protocol.ts";
import { ask } from "#actors/overlay/ask.ts";
import { openCar, putCar } from "#actors/overlay/car.ts";
import { checkOverlayConfig, type OverlayConfig, overlayConfigSchema } from "#actors/overlay/config.ts";
import { Feeder } from "#actors/overlay/feeder.ts";
import { getByRoot, getObject, type Reading, statByRoot, statObject } from "#actors/overlay/get.ts";
import { pinTarget, removeTarget, restoreTarget, unpinTarget } from "#actors/overlay/hold.ts";
import { ManifestReader } from "#actors/overlay/manifest-reader.ts";
import { getName, listNames, readNameHistory, setName } from "#actors/overlay/names.ts";
import type { OverlayEvents, OverlayProtocol } from "#actors/overlay/protocol.ts";
import { putObject } from "#actors/overlay/put.ts";
import { newSmallObjects } from "#actors/overlay/small-object.ts";
import { Told } from "#actors/overlay/told.ts";
import { appendUpload, beginUpload, cancelUpload, statUpload } from "#actors/overlay/uploads.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import type { ActorModule, ConfigView } from "#runtime/actor-module.ts";
import type { ActorContext, Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import type { Hasher } from "#runtime/pool/cpu.ts";
import type { RequestOf } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { Turns } from "#runtime/turns.ts";

export interface OverlayDeps {
  readonly config: ConfigView<OverlayConfig>;
  readonly storage: Ref<StorageProtocol>;
  readonly index: Ref<IndexProtocol>;
  /** An incremental BLAKE3-256. */
  readonly hasher: () => Hasher;
  readonly metrics: Metrics;
}

/** Nothing in it changes between turns: what is known of objects is in index and storage. */
type OverlayState = Reading;

type Ctx = ActorContext<OverlayEvents, OverlayState>;

export const overlayBehavior: Behavior<OverlayProtocol, OverlayEvents, OverlayDeps, OverlayState> = {
  name: "overlay",

  init: (deps, ctx) => {
    const { clock, random } = ctx;
    const turns = new Turns<Address>();
    const below = { ...deps, clock, random, turns, nameTurns: new Turns<string>(), told: new Told() };
    const feeder = new Feeder({
      ...below,
      watch: (target, onDown) => void ctx.monitor(target, onDown),
      onRound: (cause) => announceRound(cause, ctx),
    });
    // For the whole life: it takes one of the actor's task slots, and the runtime ends it with the incarnation.
    ctx.later(
      (task) => feeder.run(task),
      () => undefined,
    );
    return { ...below, manifests: new ManifestReader(deps.storage, below, deps.metrics), small: newSmallObjects() };
  },

  failpoints: ["put-taken", "put-done", "name-set"],

  handlers: {
    put: (state, request, ctx) => {
      ctx.maybe("put-taken");
      return ctx.later(
        (task) => putObject(state, request, task),
        (_state, stored, settled) => {
          settled.maybe("put-done");
          return stored;
        },
      );
    },

    get: (state, request, ctx) => {
      const { scope } = ctx;
      return ctx.later((task) => getObject(state, request, task, scope), passOn);
    },

    stat: (state, request, ctx) => ctx.later((task) => statObject(state, request, task), passOn),

    getByRoot: (state, request, ctx) => {
      const { scope } = ctx;
      return ctx.later((task) => getByRoot(state, request, task, scope), passOn);
    },

    statByRoot: (state, { root }, ctx) => ctx.later((task) => statByRoot(state, root, task), passOn),

    remove: (state, target, ctx) => ctx.later((task) => removeTarget(state, target, task), passOn),

    restore: (state, target, ctx) => ctx.later((task) => restoreTarget(state, target, task), passOn),

    pin: (state, request, ctx) => ctx.later((task) => pinTarget(state, request, task), passOn),

    unpin: (state, target, ctx) => ctx.later((task) => unpinTarget(state, target, task), passOn),

    // Storage's own: overlay has nothing to add to them.
    listTrash: asStorage("listTrash"),
    collectGarbage: asStorage("collectGarbage"),
    scrubNow: asStorage("scrubNow"),
    describeVolumes: asStorage("describeVolumes"),
    repair: asStorage("repair"),
    forgetVolume: asStorage("forgetVolume"),

    getManifest: (state, { root }, ctx) => ctx.later((within) => state.manifests.bytes(root, within), passOn),

    beginUpload: (state, request, ctx) => ctx.later((task) => beginUpload(state, request, task), passOn),
    appendUpload: (state, request, ctx) => ctx.later((task) => appendUpload(state, request, task), passOn),
    statUpload: (state, request, ctx) => ctx.later((task) => statUpload(state, request, task), passOn),
    cancelUpload: (state, request, ctx) => ctx.later((task) => cancelUpload(state, request, task), passOn),

    getCar: (state, wanted, ctx) =>
      ctx.later(
        (task) => openCar(state, wanted, task),
        (_state, outcome) => outcome,
      ),

    putCar: (state, request, ctx) =>
      ctx.later(
        (task) => putCar(state, request, task),
        (_state, outcome) => outcome,
      ),

    setName: (state, { record }, ctx) =>
      ctx.later(
        (task) => setName(state, record, task),
        (_state, outcome, settled) => {
          settled.maybe("name-set");
          return outcome;
        },
      ),

    getName: (state, request, ctx) =>
      ctx.later(
        (task) => getName(state, request, task),
        (_state, outcome) => outcome,
      ),

    readNameHistory: (state, request, ctx) =>
      ctx.later(
        (task) => readNameHistory(state, request, task),
        (_state, outcome) => outcome,
      ),

    listNames: (state, request, ctx) =>
      ctx.later(
        (task) => listNames(state, request, task),
        (_state, outcome) => outcome,
      ),

    describe: (state, _request, ctx) =>
      ctx.later(
        (within) => {
          const options = { timeoutMs: state.config.current.callTimeoutMs, within };
          return Promise.all([
            ask(state, within, () => state.storage.call("describe", {}, options)),
            ask(state, within, () => state.index.call("describe", {}, options)),
          ]);
        },
        (_state, [storage, index]) => {
          if (!storage.ok) return storage;
          return index.ok ? ok({ storage: storage.value, index: index.value }) : index;
        },
      ),
  },
};

export const overlayModule: ActorModule<OverlayProtocol, OverlayEvents, OverlayDeps, OverlayState, OverlayConfig> = {
  behavior: overlayBehavior,
  configSchema: overlayConfigSchema,
  checkConfig: checkOverlayConfig,
  wire: ({ env, config, ref }) => ({
    config,
    storage: ref<StorageProtocol>("storage"),
    index: ref<IndexProtocol>("index"),
    hasher: () => env.cpu.hasher(),
    metrics: env.metrics,
  }),
};
export { overlayModule as actorModule };

type Upkeep = "listTrash" | "collectGarbage" | "scrubNow" | "describeVolumes" | "repair" | "forgetVolume";

/** The question as it is asked, and the answer as storage gives it. */
function asStorage<Name extends Upkeep>(name: Name) {
  return (state: OverlayState, request: RequestOf<StorageProtocol, Name>, ctx: Ctx) =>
    ctx.later((task) => {
      const { callTimeoutMs: timeoutMs } = state.config.current;
      return ask(state, task, () => state.storage.call(name, request, { timeoutMs, within: task, whenFull: "wait" }));
    }, passOn);
}

function passOn<Outcome>(_state: OverlayState, outcome: Outcome): Outcome {
  return outcome;
}

function announceRound(cause: string | undefined, ctx: Ctx): void {
  if (cause === undefined) {
    ctx.health("ready");
  } else {
    ctx.log.warn("overlay.feed-failed", { cause });
    ctx.health("degraded", `feeding the index: ${cause}`);
  }
}
