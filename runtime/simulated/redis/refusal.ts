/** What a simulated Redis answers when it refuses, in the words of a real one. */

export class Refusal {
  readonly line: string;

  constructor(line: string) {
    this.line = line;
  }
}

export const WRONG_TYPE: Refusal = new Refusal("WRONGTYPE Operation against a key holding the wrong kind of value");
export const NO_INTEGER: Refusal = new Refusal("ERR value is not an integer or out of range");
export const BAD_ID: Refusal = new Refusal("ERR Invalid stream ID specified as stream command argument");
export const NO_MEMORY: Refusal = new Refusal("OOM command not allowed when used memory > 'maxmemory'.");

export function noGroup(key: string, group: string, where = ""): Refusal {
  return new Refusal(`NOGROUP No such key '${shown(key)}' or consumer group '${shown(group)}'${where}`);
}

/** As people read it, where it is text. */
export function shown(name: string): string {
  return Buffer.from(name, "latin1").toString();
}
