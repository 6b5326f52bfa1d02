// Why: the service's own tally is the scaling signal; everything else is news.

/** The service's tally of one scale set, as it comes with each session and message (actions/scaleset types.go). */
export interface Statistics {
  /** Waiting to be acquired (acquire mode only). */
  totalAvailableJobs: number;
  totalAcquiredJobs: number;
  /** Assigned to the set: waiting for a runner plus running. The scaling signal. */
  totalAssignedJobs: number;
  totalRunningJobs: number;
  totalRegisteredRunners: number;
  totalBusyRunners: number;
  totalIdleRunners: number;
}

export const noStatistics: Statistics = {
  totalAvailableJobs: 0,
  totalAcquiredJobs: 0,
  totalAssignedJobs: 0,
  totalRunningJobs: 0,
  totalRegisteredRunners: 0,
  totalBusyRunners: 0,
  totalIdleRunners: 0,
};
