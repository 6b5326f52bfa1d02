// Why: the control API for whoever is not in this process: a shell, the demo's command line,
// another language. Its description is what `--help` prints (control-help.ts). It is not part of
// GitHub's service and asks for no token; the server listens on the loopback interface only.
import type { Hono } from "hono";
import type { Control, JobsOrder } from "./control.ts";
import { withTimes } from "./describe-ledger.ts";
import { asFields, readJson, writeJson } from "./json.ts";
import { parseFault } from "./parse-fault.ts";
import { patchKnobs } from "./knobs.ts";
import type { Front } from "./routes.ts";

type Deed = (body: unknown, id: string) => unknown;

/** `wall` turns an instant of the simulator's clock into milliseconds since 1970. */
export function addControlRoutes(
  app: Hono<{ Bindings: Front }>,
  control: Control,
  wall: (at: number) => number,
) {
  const on = (method: string, path: string, deed: Deed) =>
    app.on(method, `/_control/${path}`, async (context) => {
      const text = await context.req.text();
      try {
        const body = text === "" ? undefined : readJson(text);
        return answer(200, withTimes(deed(body, context.req.param("id") ?? ""), wall));
      } catch (error) {
        if (error instanceof NoSuchJob) return answer(404, { message: error.message });
        const isInput = error instanceof TypeError || error instanceof SyntaxError;
        if (!isInput) throw error;
        return answer(400, { message: error.message });
      }
    });

  on("POST", "jobs", (body) => ({ jobs: control.queueJobs(parseJobsOrder(body)) }));
  on("POST", "jobs/:id/finish", (body, id) => {
    const { result } = asFields(body);
    const job = control.finishJob(id, typeof result === "string" ? result : undefined);
    return job ?? absent(id, "is not running");
  });
  on("POST", "jobs/:id/cancel", (_body, id) => control.cancelJob(id) ?? absent(id, "has ended"));
  on("GET", "ledger", () => control.ledger());
  on("GET", "sessions", () => control.sessions());
  on("GET", "runners", () => control.runners());
  on("GET", "requests", () => control.requests());
  on("PATCH", "knobs", (body) => {
    control.setKnobs(patchKnobs(control.knobs(), body));
    return control.knobs();
  });
  on("POST", "faults", (body) => {
    control.addFault(parseFault(body));
    return {};
  });
}

class NoSuchJob extends Error {}

function absent(id: string, why: string): never {
  throw new NoSuchJob(`there is no job ${id}, or it ${why}`);
}

function parseJobsOrder(body: unknown): JobsOrder {
  const fields = asFields(body);
  const types: Record<string, (value: unknown) => boolean> = {
    scaleSet: isString,
    repository: isString,
    owner: isString,
    enterprise: isString,
    result: isString,
    displayName: isString,
    labels: (value) => Array.isArray(value) && value.every(isString),
    count: (value) => typeof value === "number",
    durationMs: (value) => typeof value === "number" && value >= 0,
  };
  for (const [name, value] of Object.entries(fields)) {
    const check = types[name];
    if (!check) throw new TypeError(`an order of jobs has no ${name}`);
    if (!check(value)) throw new TypeError(`${name} cannot be ${writeJson(value)}`);
  }
  // Each field has just been checked by name and type.
  return fields as unknown as JobsOrder;
}

function isString(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function answer(status: number, body: unknown): Response {
  return new Response(writeJson(body), {
    status,
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}
