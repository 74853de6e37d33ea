/** What stands below the options in `--help`: of the program, and of its groups of commands. */

export const NAMES_NOTES = `
A name is KEY/LABEL: the public key of its owner, and what the owner calls it. The first "name set" makes a key, in
~/.config/cepa/name.key (or XDG_CONFIG_HOME); no node ever sees it. Set the names of one key in one place: two different
records for one step freeze the name for ever.

Examples:
  $ cepa name set site b3:…
  $ cepa name get site
  $ cepa name history KEY/site`;

export const PROGRAM_NOTES = `
Commands of the checkout:
  up [options]       start the node in the foreground (cepa up --help)
  test [path...]     run the tests
  check              check types, lint and format
  verify [stage...]  check, all tests with more of everything, release check, and a hunt (cepa verify --help)
  bench [suite...]   measure, beside others (cepa bench --help)
  chaos [command]    break a node of its own on purpose, and say what held (cepa chaos --help)
  fuzz [family...]   look for bytes that a reader of them is wrong about (cepa fuzz --help)
  mutate [path...]   plant mistakes, and say how many the tests notice (cepa mutate --help)
  gates [id...]      say what a release still needs (cepa gates --help)
  pack [options]     make a library of the actor runtime
  release [command]  make a release that can be verified, and verify one (cepa release --help)

The node is found by --url or --data, by CEPA_URL or CEPA_DATA, or in the user's data directory. kill, resume, letters,
logs and down are for the node's owner on its machine and take --data only.
Exit code: 0 done, 1 the node said no (one line with the code of the failure), 2 the command line is wrong.
With --json a failure is a line of JSON too, on standard error: {"error":{"code":"…","message":"…"}}. So is what else is
said there: {"note":"…"}.

Examples:
  $ cepa up
  $ cepa put big.iso
  $ cepa get b3:… -o copy.iso
  $ cepa ps
  $ cepa down`;
