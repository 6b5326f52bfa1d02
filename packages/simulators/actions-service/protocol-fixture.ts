// Why: the tests speak to the simulator with bare requests, written by hand, so that they judge the
// wire and not a client of ours. Time is virtual: what answers at once answers without time moving.
import type { Fetch } from "@runlet/runtime/fetch";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import type { SimulatorEvent } from "./events.ts";
import { asFields, readJson } from "./json.ts";
import type { Knobs, Mode } from "./knobs.ts";
import { createRunnerClient } from "./runner-client.ts";
import type { SimulatorDeps, SimulatorOptions } from "./simulation.ts";
import { createActionsServiceSimulator } from "./simulator.ts";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export interface BareCall {
  token?: string | undefined;
  scheme?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface BareSession {
  id: string;
  url: string;
  token: string;
  json: Record<string, unknown>;
}

export const pat = "ghp_x";
export const host = "https://ghes.test";

/** A simulator in virtual time, and bare calls to it. */
export function createBed(
  mode: Mode,
  knobs: Partial<Knobs> = {},
  more: Partial<SimulatorOptions> & Partial<SimulatorDeps> = {},
) {
  const clock = createVirtualClock();
  const random = createSeededRandom(7);
  const { deliver, ...options } = more;
  const simulator = createActionsServiceSimulator(
    { clock, random, ...(deliver ? { deliver } : {}) },
    { mode, pat, knobs, ...options },
  );
  const events: SimulatorEvent[] = [];
  simulator.listen((event) => events.push(event));
  const call = bareCaller(simulator.fetch);
  return {
    clock,
    simulator,
    events,
    call,
    control: simulator.control,
    connectWith,
    ...verbs(call, simulator),
  };
}

export function bareCaller(fetch: Fetch) {
  return async (method: string, url: string, of: BareCall = {}): Promise<Answer> => {
    const { token, scheme = "Bearer", body, headers, signal } = of;
    const authorization = token === undefined ? {} : { authorization: `${scheme} ${token}` };
    const response = await fetch(url.startsWith("http") ? url : host + url, {
      method,
      headers: { "content-type": "application/json", ...authorization, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
    return readAnswer(response);
  };
}

async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  const isJson = headers.get("content-type")?.startsWith("application/json") ?? false;
  const json = isJson && /^[[{]/.test(text) ? asFields(readJson(text)) : {};
  return { status, headers, text, json };
}

/** Gets the admin connection of a scope: the service's address and the admin token. */
function connectWith(call: ReturnType<typeof bareCaller>) {
  return async (scope = "my-org", base = host) => {
    const kind = scope.startsWith("enterprises/") ? "" : scope.includes("/") ? "repos/" : "orgs/";
    const path = `${base}/api/v3/${kind}${scope}/actions/runners/registration-token`;
    const registration = await call("POST", path, { token: pat });
    const answer = await call("POST", `${base}/api/v3/actions/runner-registration`, {
      scheme: "RemoteAuth",
      token: String(registration.json["token"]),
      body: JSON.stringify({ url: `${base}/${scope}`, runner_event: "register" }),
    });
    const url = String(answer.json["url"]).replace(/\/(\?.*)?$/, "");
    return { url: `${url}/_apis`, token: String(answer.json["token"]) };
  };
}

/** The calls of a listener and of a controller, in short. */
function verbs(call: ReturnType<typeof bareCaller>, { fetch }: { fetch: Fetch }) {
  const connect = connectWith(call);
  type Admin = Awaited<ReturnType<typeof connect>>;
  const createSet = async (admin: Admin, name: string, more: object = {}) => {
    const body = JSON.stringify({ name, runnerGroupId: 1, RunnerSetting: {}, ...more });
    const answer = await call("POST", `${admin.url}/runtime/runnerscalesets`, {
      token: admin.token,
      body,
    });
    return `${admin.url}/runtime/runnerscalesets/${String(answer.json["id"])}`;
  };
  const openSession = (admin: Admin, set: string, ownerName = "host-1") =>
    call("POST", `${set}/sessions`, { token: admin.token, body: JSON.stringify({ ownerName }) });
  const session = async (admin: Admin, set: string, ownerName?: string) =>
    readSession(await openSession(admin, set, ownerName));
  const poll = (of: BareSession, last = 0, capacity = 10, signal?: AbortSignal) =>
    call(
      "GET",
      of.url + (last > 0 ? `${of.url.includes("?") ? "&" : "?"}lastMessageId=${last}` : ""),
      {
        token: of.token,
        headers: {
          accept: "application/json; api-version=6.0-preview",
          "x-scalesetmaxcapacity": String(capacity),
        },
        ...(signal ? { signal } : {}),
      },
    );
  const acknowledge = (of: BareSession, id: number) =>
    call("DELETE", of.url.replace(/(\?|$)/, `/${id}$1`), { token: of.token });
  const acquire = (of: BareSession, set: string, body: string) =>
    call("POST", `${set}/acquirejobs`, { token: of.token, body });
  const register = (admin: Admin, set: string, name: string) =>
    call("POST", `${set}/generatejitconfig`, {
      token: admin.token,
      body: JSON.stringify({ name, workFolder: "" }),
    });
  const runner = async (admin: Admin, set: string, name: string) => {
    const answer = await register(admin, set, name);
    return createRunnerClient({ fetch }, String(answer.json["encodedJITConfig"]));
  };
  return { connect, createSet, openSession, session, poll, acknowledge, acquire, register, runner };
}

export function readSession({ json }: Answer): BareSession {
  return {
    id: String(json["sessionId"]),
    url: String(json["messageQueueUrl"]),
    token: String(json["messageQueueAccessToken"]),
    json,
  };
}

/** The entries of a message, as `Type:jobId`. */
export function entriesOf(answer: Answer): string[] {
  return bodyOf(answer).map((entry) => `${String(entry["messageType"])}:${String(entry["jobId"])}`);
}

export function bodyOf(answer: Answer): Record<string, unknown>[] {
  const { body } = answer.json;
  const entries = typeof body === "string" ? readJson(body) : [];
  return Array.isArray(entries) ? entries.map(asFields) : [];
}

/** The request ids of a message's jobs, as a body for acquirejobs. */
export function idsOf(answer: Answer): string {
  return `[${bodyOf(answer)
    .map((entry) => String(entry["runnerRequestId"]))
    .join(",")}]`;
}
