// Why: what every route has in common stands here once: the record of the request, the faults, the
// headers of an answer, and what happens when a connection breaks.
import { Hono, type Context } from "hono";
import type { RouteName } from "./faults.ts";
import { ConnectionDropped, withFault } from "./fault-effects.ts";
import { readJson } from "./json.ts";
import type { Simulation } from "./simulation.ts";

/** What the front ends hand over beside the request. */
export interface Front {
  /** In process: the caller's own signal. */
  signal?: AbortSignal | undefined;
  /** On a socket: what @hono/node-server binds. */
  outgoing?: { destroy(): void };
}

/** One request, as a route sees it. */
export interface Call {
  method: string;
  url: URL;
  query: URLSearchParams;
  param(name: string): string;
  header(name: string): string | undefined;
  /** The token after `Bearer`, `token` or `RemoteAuth`. */
  token: string | undefined;
  /** Aborted when the caller is no longer there. */
  signal: AbortSignal | undefined;
  /** The body as JSON; throws BadBody. */
  json(): Promise<unknown>;
}

export class BadBody extends Error {
  override name = "BadBody";
}

export interface Routes {
  on(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    name: RouteName,
    deed: (call: Call) => Response | Promise<Response>,
  ): void;
}

/** Thrown away in process, where it stands for a broken connection. */
export const droppedHeader = "x-simulator-dropped";

export function createRoutes(
  app: Hono<{ Bindings: Front }>,
  simulation: Simulation,
  scaleSetOf: (call: Call) => string | undefined,
): Routes {
  return {
    on(method, path, name, deed) {
      app.on(method, path, (context) => answer(simulation, context, name, scaleSetOf, deed));
    },
  };
}

async function answer(
  simulation: Simulation,
  context: Context<{ Bindings: Front }>,
  name: RouteName,
  scaleSetOf: (call: Call) => string | undefined,
  deed: (call: Call) => Response | Promise<Response>,
): Promise<Response> {
  const { clock, random, faults, requests, scaleSets } = simulation;
  const call = readCall(context);
  const scaleSet = scaleSetOf(call);
  const record = requests.open({
    at: clock.nowMs(),
    method: call.method,
    path: call.url.pathname + call.url.search,
    route: name,
    scaleSet,
    userAgent: call.header("user-agent") ?? "",
    maxCapacity: call.header("x-scalesetmaxcapacity"),
  });
  const fault = faults.take(name, scaleSet === undefined ? undefined : scaleSets.get(scaleSet));
  try {
    const response = await withFault(clock, fault, call.signal, async () => deed(call));
    response.headers.set("ActivityId", random.uuid());
    response.headers.set("X-GitHub-Request-Id", random.uuid().toUpperCase());
    record.status = call.signal?.aborted ? "aborted" : response.status;
    return response;
  } catch (error) {
    if (error instanceof BadBody) {
      record.status = 400;
      return Response.json({ message: error.message }, { status: 400 });
    }
    record.status = call.signal?.aborted ? "aborted" : "dropped";
    if (!(error instanceof ConnectionDropped) && !call.signal?.aborted) throw error;
    return breakConnection(context);
  } finally {
    record.endedAt = clock.nowMs();
  }
}

function breakConnection(context: Context<{ Bindings: Front }>): Response {
  context.env.outgoing?.destroy();
  return new Response(null, { status: 500, headers: { [droppedHeader]: "1" } });
}

function readCall(context: Context<{ Bindings: Front }>): Call {
  const { req, env } = context;
  const url = new URL(req.url);
  const authorization = req.header("authorization") ?? "";
  return {
    method: req.method,
    url,
    query: url.searchParams,
    param: (name) => req.param(name) ?? "",
    header: (name) => req.header(name),
    token: /^(?:bearer|token|remoteauth) +(\S+)$/i.exec(authorization)?.[1],
    // The signal of a Request made in process holds its caller's only weakly.
    signal: env.outgoing ? req.raw.signal : env.signal,
    async json() {
      const text = await req.text();
      try {
        return text === "" ? undefined : readJson(text);
      } catch (error) {
        throw new BadBody("the body is not JSON", { cause: error });
      }
    },
  };
}
