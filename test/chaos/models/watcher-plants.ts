/** Bugs of the watcher of the configuration that are seen because its model does not allow what comes of them. */
import type { Plant } from "#test/kit/planted.ts";

const bySeed = {
  file: "runtime/config/watcher.ts",
  check: { file: "test/chaos/models/watcher-run.test.ts", test: "are runs of its model, by seed" },
  says: "the last of these is no consequence of those before",
} as const;

const inManyOrders = {
  ...bySeed,
  check: {
    ...bySeed.check,
    test: "are runs of its model, in every order of a few things within a few preemptions",
  },
} as const;

export const WATCHER_PLANTS: readonly Plant[] = [
  {
    ...bySeed,
    name: "a notification while a timer runs is lost",
    from: "    if (this.#closed) return;\n    const nowMs",
    to: "    if (this.#closed || this.#timer !== undefined) return;\n    const nowMs",
  },
  {
    ...bySeed,
    name: "a change while the file is read is missed",
    from: "    this.#readAgain = true;\n    this.#reading ??=",
    to: "    this.#readAgain = this.#reading === undefined;\n    this.#reading ??=",
  },
  {
    ...inManyOrders,
    name: "a change while the file is read is missed, in some order",
    from: "    this.#readAgain = true;\n    this.#reading ??=",
    to: "    this.#readAgain = this.#reading === undefined;\n    this.#reading ??=",
  },
  {
    ...bySeed,
    name: "the file is read twice at a time",
    from: "this.#reading ??= this.#readUntilQuiet();",
    to: "this.#reading = this.#readUntilQuiet();",
  },
  {
    ...bySeed,
    name: "a file that never rests is put off for ever",
    from: "Math.min(configDebounceMs, leftMs)",
    to: "configDebounceMs",
  },
  {
    ...bySeed,
    name: "who asks for the file does not stop the timer",
    from: "    this.#timer?.cancel();\n    this.#timer = undefined;\n    this.#firstChangeMs = undefined;",
    to: "    this.#timer = undefined;\n    this.#firstChangeMs = undefined;",
  },
  {
    ...bySeed,
    name: "the first change counts from the last reading but one",
    from: "    this.#timer = undefined;\n    this.#firstChangeMs = undefined;",
    to: "    this.#timer = undefined;",
  },
  {
    ...bySeed,
    name: "what was refused counts as in force, and is not offered again",
    from: "if (!offered.ok) return",
    to: "this.#inForce = bytes;\n    if (!offered.ok) return",
  },
  {
    ...bySeed,
    name: "what is in force is offered again",
    from: "    this.#inForce = bytes;\n    return { kind",
    to: "    return { kind",
  },
  {
    ...bySeed,
    name: "what was accepted is told to be as it was",
    from: 'return { kind: "accepted", raw };',
    to: 'return { kind: "unchanged" };',
  },
  {
    ...bySeed,
    name: "a file that nobody can read is not told of",
    from: "const report = await this.#readOnce();",
    to: 'const report = await this.#readOnce();\n      if (report.kind === "kept" && report.failure.code === "config.unreadable") continue;',
  },
  {
    ...inManyOrders,
    name: "something is reported after the end",
    from: "if (!this.#closed) this.#options.report(report);",
    to: "this.#options.report(report);",
  },
  {
    ...inManyOrders,
    name: "something is offered after the end",
    from: '    if (this.#closed) return { kind: "unchanged" };\n',
    to: "",
  },
  {
    ...inManyOrders,
    name: "a timer is left after the end",
    from: "    this.#unwatch();\n    this.#timer?.cancel();",
    to: "    this.#unwatch();",
  },
];
