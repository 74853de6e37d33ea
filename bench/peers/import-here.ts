/** Imports by name what is installed in this folder: Node looks for a package from where the import is written. */
export async function importHere(name: string): Promise<unknown> {
  return await import(name);
}
