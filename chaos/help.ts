/** What `cepa chaos --help` prints. */
import { HUNT_FAILED_MAX, HUNT_RUNS } from "#chaos/hunt.ts";

export const HELP: string = `usage: cepa chaos list [--json]
       cepa chaos run SCENARIO|PLAN.json [--seed N] [--executor sim|process|os] [--minutes M] [--plant BUG] [--json]
       cepa chaos grid [--seed N] [--executor sim|process|os] [--plant BUG] [--json]
       cepa chaos hunt [--runs N] [--minutes M] [--seed N] [--plant BUG] [--json]
       cepa chaos replay [SEED] [--json]
       cepa chaos shrink [SEED] [--json]
       cepa chaos report [SEED]
       cepa chaos seeds [--json]
       cepa chaos plants [--json]
       cepa chaos soak [--events N] [--objects N] [--minutes M] [--plant LEAK] [--json]

Breaks a node of its own on purpose while clients work with it, and says what held. It never touches a node of yours.

  list     the scenarios, and the bugs that can be planted
  run      one run of a scenario, or of a plan in a file; with --minutes run after run, each under a seed of its own
  grid     bad networks: loss of 0, 10 and 30 %, jitter of 0 and 1000 ms, whole, A|B and A|B|C: what is safe in each,
           and how long it takes after healing until everybody is served
  hunt     runs of every simulated scenario, on all cores, each under a fresh seed: ${HUNT_RUNS} of them unless it is said, or as
           many as there is time for, and not fewer than are said; it ends early when ${HUNT_FAILED_MAX} have failed
  replay   the newest run again, or that of SEED: by the executor sim it is the same again
  shrink   leaves faults out of a run that failed, as long as it fails, and keeps the smallest plan beside the runs
  seeds    runs every seed again under which a simulated run has failed once: chaos/seeds.txt
  plants   plants every bug in a node, and says which check has seen it: the kill rate
  soak     breaks nothing, and does so much that whatever leaks is seen: see cepa chaos soak --help
  report   writes a page about a run: faults over throughput, latency, restarts and queues, and the verdicts

  --seed N         what is left to chance follows from it, by the executor sim all of it; drawn unless it is said
  --executor NAME  sim: a whole node on virtual time (the default)
                   process: a node as it runs, a tree of processes; real time, real signals, no rights needed
                   os: as process, with faults of the disk and the clock under it; takes root, on Linux
  --minutes M      so long, of real time
  --runs N         of a hunt: so many
  --plant BUG      a node with this bug in it: a run that passes shows that nothing looks for it
  --json           the last line is the verdict, as JSON
  -h, --help       print this

Runs are kept in .cache/chaos of the checkout, or where CEPA_CHAOS_RECORDS says.
Exit code: 0 pass, 1 fail, 2 a mistake in the command, 3 not run (never taken for a pass).

Examples:
  $ cepa chaos list
  $ cepa chaos run storage-crashes-while-putting --seed 7
  $ cepa chaos run everything-at-once --minutes 10
  $ cepa chaos run cells-are-killed --executor process
  $ cepa chaos run power-fails --plant no-fsync
  $ cepa chaos hunt --runs 1000
  $ cepa chaos grid --executor process
  $ cepa chaos shrink && cepa chaos report
`;
