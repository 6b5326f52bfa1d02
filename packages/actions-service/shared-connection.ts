// Why: invocations share their admin connection through a store. It only saves calls: without it, or
// when it is slow or broken, each invocation registers for itself.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Log } from "@runlet/runtime/log";
import type { AdminConnection, AdminConnectionStore } from "./service.ts";

export interface SharedConnection {
  load(): Promise<AdminConnection | undefined>;
  save(connection: AdminConnection): Promise<void>;
}

export function shareConnection(deps: {
  clock: Clock;
  log: Log;
  store: AdminConnectionStore | undefined;
  scopeKey: string;
  limitMs: number;
}): SharedConnection {
  const { clock, log, store, scopeKey: scope } = deps;
  const within = <T>(call: () => Promise<T>) =>
    withDeadline(clock, Math.min(2_000, deps.limitMs / 4), undefined, call);
  return {
    async load() {
      if (!store) return undefined;
      try {
        return await within(() => store.load(scope));
      } catch (error) {
        log.warn("admin_connection_not_loaded", { scope, error });
        return undefined;
      }
    },
    async save(connection) {
      if (!store) return;
      try {
        await within(() => store.save(scope, connection));
      } catch (error) {
        log.warn("admin_connection_not_saved", { scope, error });
      }
    },
  };
}
