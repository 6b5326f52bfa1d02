// Why: "asked once", "never again after a refusal", "no call for an hour": what a client did is
// read from what arrived. Every request is on record, without its secrets.

export interface RequestRecord {
  /** Milliseconds of the simulator's clock. */
  at: number;
  endedAt: number | undefined;
  method: string;
  /** Path with query. */
  path: string;
  route: string;
  /** The scale set's key, where the call names one. */
  scaleSet: string | undefined;
  status: number | "open" | "dropped" | "aborted";
  userAgent: string;
  maxCapacity: string | undefined;
}

export interface Requests {
  open(record: Omit<RequestRecord, "endedAt" | "status">): RequestRecord;
  list(): readonly RequestRecord[];
}

export function createRequests(keep: () => number): Requests {
  let records: RequestRecord[] = [];
  return {
    open(request) {
      const record: RequestRecord = { ...request, endedAt: undefined, status: "open" };
      // Cut by half now and then, so that a simulator left running does not grow.
      if (records.length >= 2 * keep()) records = records.slice(records.length - keep());
      records.push(record);
      return record;
    },
    list: () => records.slice(-keep()),
  };
}
