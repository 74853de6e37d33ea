/** What each of the examples prints, on every Node and from the sources as from the package. */
export const expected: Readonly<Record<string, readonly string[]>> = {
  "counter.ts": [
    "add 1: 1",
    "add 2: 3",
    "DOWN counter 1 crashed",
    "add NaN: { code: 'runtime.actor-crashed', actor: 'counter', executed: 'maybe' }",
    "add 4: 4",
    "ServiceCrashed",
    "childRestarted",
    "[ 'counter running, 1 restart' ]",
    "{ reason: 'stopped' }",
  ],
  "pipeline.ts": [
    "passed 100 of 100",
    "deadline inherited: true",
    "sampled 4",
    "lost and counted 96",
    "{ reason: 'stopped' }",
  ],
  "service.ts": [
    '"onion": 5',
    '"leek": prices.unavailable',
    '"garlic": runtime.call-timeout',
    '"": runtime.actor-crashed',
    '"": runtime.actor-crashed',
    '"shallot": runtime.actor-stopped',
    '"shallot": 7',
    "{ reason: 'stopped' }",
  ],
};
