// Why: a call to the service proper needs an address and a token that may both change at any time; this
// joins the admin connection to the one function that runs calls.
import type { AdminConnections } from "./admin-connection.ts";
import { type CallDeps, type Prepared, runCall } from "./call.ts";
import type { Call, Gives } from "./outcomes.ts";
import { serviceUrl, type SystemInfo, userAgent } from "./request.ts";
import type { AdminConnection, CallOptions, Outcome } from "./service.ts";

export interface ServiceDeps extends CallDeps {
  connections: AdminConnections;
  system: SystemInfo;
  /** The config URL is https, so all addresses are. */
  isSecure: boolean;
}

/** A call to the Actions Service, under its own address. */
export interface Ask<C extends Call, T> {
  call: C;
  /** What it is about, for messages. */
  on: string;
  /** For the User-Agent; undefined: not about one set. */
  scaleSetId?: number;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the service's address, without a leading slash, encoded. */
  path: string;
  query?: Record<string, string | number>;
  body?: string;
  accepts: 200 | 204;
  /** `acquirejobs` alone takes the queue token instead of the admin token. */
  queueToken?: string;
  decode: (json: unknown) => T;
  words: Record<Gives<C>, T>;
}

interface Connected extends Prepared {
  connection: AdminConnection;
}

export function askService<C extends Call, T>(
  deps: ServiceDeps,
  ask: Ask<C, T>,
  options?: CallOptions,
): Promise<Outcome<T>> {
  const { queueToken } = ask;
  const prepare = async (): Promise<Outcome<Connected>> => {
    const connected = await deps.connections.get();
    if (!connected.ok) return connected;
    const { serviceUrl: base, adminToken } = connected.value;
    const token = queueToken ?? adminToken;
    const value: Connected = {
      connection: connected.value,
      method: ask.method,
      url: serviceUrl(base, ask.path, ask.query),
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${token}`,
        "User-Agent": userAgent(deps.system, ask.scaleSetId),
      },
      secrets: [token],
      // An explicit empty body: without one some HTTP clients send no Content-Length.
      ...(ask.method === "GET" || ask.method === "DELETE" ? {} : { body: ask.body ?? "" }),
    };
    return { ok: true, value };
  };
  const { call, on, accepts, decode, words } = ask;
  const plan = { call, on, accepts, decode, words, prepare };
  if (queueToken !== undefined) return runCall(deps, plan, options);
  const reconnect = ({ connection }: Connected, status: number) =>
    deps.connections.renew(connection, status);
  return runCall(deps, { ...plan, reconnect }, options);
}
