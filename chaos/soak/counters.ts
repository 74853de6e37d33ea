/** What a node itself has counted, in the format of Prometheus, beside what its clients have. */
import { told } from "#chaos/soak/told.ts";

/** The sum of a counter over all of its labels that `pattern` fits; 0 where there is none. */
export function counted(metrics: string, name: string, pattern: RegExp = /(?:)/): number {
  let sum = 0;
  for (const line of metrics.split("\n")) {
    const [, found, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (found === name && pattern.test(labels)) sum += Number(value);
  }
  return sum;
}

/** What is counted there, and what it should be; undefined: all of it is what it should be. */
export function countersProblem(
  counters: readonly (readonly [what: string, is: number, should: number])[],
): string | undefined {
  return told(
    counters.filter(([, is, should]) => is !== should).map(([what, is, should]) => `${what}: ${is}, and not ${should}`),
  );
}
