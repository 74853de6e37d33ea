/**
 * Catches a simulation that touches the real world, with the stack of the first touch.
 *
 * Two nets: `async_hooks` sees every real timer, socket, file request, thread and child as it is made; the ambient readings
 * that make nothing (clocks, random numbers) are replaced by ones that tell of it and then answer as ever. Both count only
 * what is done inside a run, by its asynchronous context: whatever else the process does meanwhile is its own business.
 *
 * It does not see a reading through a binding that was taken before (`const { now } = Date`), synchronous file calls, and
 * what native code does by itself.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { Defect } from "#runtime/errors.ts";

/**
 * Resources that turns of promises make, and a signature that is made or verified, which Node makes one for also where nobody
 * waits for it: those that another thread does are found by who asks for them. Everything else waits for the world outside.
 */
const HARMLESS: ReadonlySet<string> = new Set(["PROMISE", "Microtask", "TickObject", "SIGNREQUEST"]);
/** Frames kept of the stack of a touch: it may come from deep inside an actor. */
const STACK_FRAMES = 40;

/** A simulation used `what` of the real world; `stack` says where. */
export class TouchedReality extends Defect {
  readonly what: string;

  constructor(what: string) {
    super(`a simulation touched the real world: ${what}`);
    this.what = what;
  }
}

/** What one run did. */
class Watch {
  first: TouchedReality | undefined;

  note(what: string): void {
    if (this.first !== undefined) return;
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = STACK_FRAMES;
    this.first = new TouchedReality(what);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const watches = new AsyncLocalStorage<Watch>();
/** Runs under way. The readings are the process's own, so who replaces them has to count for the whole process. */
const installed = { runs: 0, remove: (): void => undefined };

/**
 * Runs `run`, and rejects with `TouchedReality` when it, or anything it began, touched the real world before it settled.
 * That comes before whatever `run` itself rejects with, because it may be the reason. Runs may be side by side.
 */
export async function guarded<Value>(run: () => Promise<Value>): Promise<Value> {
  const watch = new Watch();
  if (installed.runs === 0) installed.remove = install();
  installed.runs += 1;
  try {
    const value = await watches.run(watch, run);
    if (watch.first === undefined) return value;
  } catch (error) {
    if (watch.first === undefined) throw error;
  } finally {
    installed.runs -= 1;
    if (installed.runs === 0) installed.remove();
  }
  throw watch.first;
}

/** For what drives a simulation: what `run` does itself is not noted. */
export function unguarded<Value>(run: () => Value): Value {
  return watches.exit(run);
}

/** Answers with an undo. */
function install(): () => void {
  const callbacks = {
    init: (_id: number, type: string): void => {
      if (!HARMLESS.has(type)) watches.getStore()?.note(type);
    },
    // Older versions of Node pass it over, and tell of promises, which are harmless.
    trackPromises: false,
  };
  const hook = createHook(callbacks).enable();
  const undo = [
    replaceDate(),
    ...READINGS.map(([owner, label, name, counts]) => replaceReading(owner, name, `${label}.${name}`, counts)),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const put of undo) put();
    syncBuiltinESMExports();
    hook.disable();
  };
}

const webCrypto: object = Object.getPrototypeOf(globalThis.crypto);
const subtle: object = Object.getPrototypeOf(globalThis.crypto.subtle);

const isWithCallback = (given: readonly unknown[]): boolean => typeof given.at(-1) === "function";

/** Where `counts` is given, only calls that it picks are told of. */
type Reading = readonly [owner: object, label: string, name: string, counts?: (given: readonly unknown[]) => boolean];

const READINGS: readonly Reading[] = [
  [Math, "Math", "random"],
  [performance, "performance", "now"],
  [process, "process", "hrtime"],
  [process.hrtime, "process.hrtime", "bigint"],
  [crypto, "crypto", "randomBytes"],
  [crypto, "crypto", "randomInt"],
  [crypto, "crypto", "randomFillSync"],
  [crypto, "crypto", "randomUUID"],
  [crypto, "crypto", "sign", isWithCallback],
  [crypto, "crypto", "verify", isWithCallback],
  [subtle, "crypto.subtle", "sign"],
  [subtle, "crypto.subtle", "verify"],
  [webCrypto, "crypto", "getRandomValues"],
  [webCrypto, "crypto", "randomUUID"],
];

function replaceReading(owner: object, name: string, what: string, counts: Reading[3] = () => true): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const reading: unknown = Reflect.get(owner, name);
  if (typeof reading !== "function") throw new Defect(`${what} is a function`);
  const told = new Proxy(reading, {
    apply: (target, self, given) => {
      if (counts(given)) watches.getStore()?.note(what);
      return Reflect.apply(target, self, given);
    },
  });
  Object.defineProperty(owner, name, { value: told, configurable: true, writable: true });
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, own);
  };
}

/** `new Date(ms)` only writes a moment down; without a moment it reads the clock. */
function replaceDate(): () => void {
  const real = globalThis.Date;
  const now = (): number => {
    watches.getStore()?.note("Date.now");
    return real.now();
  };
  globalThis.Date = new Proxy(real, {
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
    construct: (target, given, derived) => {
      if (given.length === 0) watches.getStore()?.note("new Date()");
      return Reflect.construct(target, given, derived);
    },
    apply: (target, self, given) => {
      watches.getStore()?.note("Date()");
      return Reflect.apply(target, self, given);
    },
  });
  return () => {
    globalThis.Date = real;
  };
}
