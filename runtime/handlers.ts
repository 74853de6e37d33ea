/** The handlers of a behavior by name, and nothing that every object inherits: a message may have any name. */

export type Handler = (state: unknown, request: unknown, ctx: unknown) => unknown;
export type HandlerTable = Readonly<Record<string, Handler | undefined>>;

/** Made once for a behavior, however many actors have it. */
const tables = new WeakMap<object, HandlerTable>();

export function handlersOf(handlers: object): HandlerTable {
  const known = tables.get(handlers);
  if (known !== undefined) return known;
  const found = new Map<string, Handler>();
  for (let from = handlers; from !== Object.prototype && from !== null; from = Object.getPrototypeOf(from) as object) {
    for (const name of Object.getOwnPropertyNames(from)) {
      const member: unknown = Reflect.get(from, name);
      const isOfClass = name === "constructor" && from !== handlers;
      if (typeof member === "function" && !isOfClass && !found.has(name)) found.set(name, member as Handler);
    }
  }
  // Without its prototype a table is as fast as with it; one that is made without is not.
  const table = Object.setPrototypeOf(Object.fromEntries(found), null) as HandlerTable;
  tables.set(handlers, table);
  return table;
}
