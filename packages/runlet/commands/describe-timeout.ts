// Why: the demo's leases last 2 s and a cluster has 1 s to answer. On a machine that is busy with other things healthy pollers
// lose both, again and again, and "waited 90 s" alone reads like a mistake of Runlet's.

export interface MachineLoad {
  /** Processes that ran or waited to run, on average over the last minute (os.loadavg; 0 where it is not known). */
  load: number;
  cores: number;
}

/** What is said of a run that did not end in time. */
export function describeTimeout(message: string, { load, cores }: MachineLoad): string {
  if (load < 2 * cores) return message;
  return (
    `${message}; ${Math.round(load)} processes share the ${cores} cores of this machine, and the demo's leases last ` +
    "2 s: try it again when less runs beside it"
  );
}
