// Why: a call is counted by whoever answers it: the API server's audit log, and the service's own record.
import { readAuditLog, type AuditedCall } from "../cluster/audit.ts";
import { release, systemNamespace } from "../cluster/reconciler-access.ts";
import type { ReconcilerBed } from "../cluster/reconciler-bed.ts";

export interface Calls {
  /** Without opening watches and the lists before them. */
  kubernetes: number;
  service: number;
  /** Of one set in one second of the clock. */
  statusWritesMax: number;
  byWhat: Map<string, number>;
}

const account = `system:serviceaccount:${systemNamespace}:${release}`;

/** What the reconciler has called in the last `ageMs`. */
export function countCalls({ clock, plane, github }: ReconcilerBed, ageMs: number): Calls {
  const [fromMs, serviceFromMs] = [clock.wallMs() - ageMs, clock.nowMs() - ageMs];
  const calls = readAuditLog(plane.auditLog).filter(({ user, verb, atMs }) => {
    return user === account && atMs >= fromMs && verb !== "watch" && verb !== "list";
  });
  const service = github.control
    .requests()
    .filter(({ at, userAgent }) => at >= serviceFromMs && userAgent.includes("runlet"));
  return {
    kubernetes: calls.length,
    service: service.length,
    statusWritesMax: Math.max(0, ...statusWrites(calls).values()),
    byWhat: tally([
      ...calls.map(({ verb, resource, status }) => {
        return `${verb} ${resource}${status < 300 ? "" : ` (${status})`}`;
      }),
      ...service.map(({ route }) => `service ${route}`),
    ]),
  };
}

export function describeCalls({ byWhat }: Calls): string {
  const rows = [...byWhat].toSorted(([, a], [, b]) => b - a);
  return rows.map(([what, count]) => `${what} ${count}`).join(", ");
}

function statusWrites(calls: AuditedCall[]): Map<string, number> {
  const writes = calls.filter(({ resource }) => resource === "ephemeralrunnersets/status");
  return tally(writes.map(({ name, atMs }) => `${name} ${Math.floor(atMs / 1_000)}`));
}

function tally(words: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
