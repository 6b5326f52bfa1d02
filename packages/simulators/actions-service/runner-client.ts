// Why: what runs in a simulated runner container: it has a JIT config and a way to reach the
// service, nothing else.
import type { Fetch, FetchInit } from "@runlet/runtime/fetch";
import { decodeJitConfig, type RunnerIdentity } from "./jit-config.ts";
import { asFields } from "./json.ts";

/** What a job is to a simulated runner. */
export interface RunnerJob {
  /** The simulator's name of the job. */
  job: string;
  jobId: string;
  displayName: string;
  /** How long to work on it, and what to say at the end. */
  durationMs: number;
  result: string;
}

/** A runner of one JIT config. All calls reject when the service cannot be reached. */
export interface RunnerClient {
  identity: RunnerIdentity;
  /** "gone": not registered (any more); "used": the JIT config connected before. */
  connect(signal?: AbortSignal): Promise<"online" | "gone" | "used">;
  /** One long poll: a job, "none" yet, or "gone". */
  takeJob(signal?: AbortSignal): Promise<RunnerJob | "none" | "gone">;
  /** To be called at least twice in the simulator's jobLapseMs while a job runs. */
  renew(signal?: AbortSignal): Promise<"running" | "gone">;
  finish(result: string, signal?: AbortSignal): Promise<"finished" | "gone">;
  disconnect(signal?: AbortSignal): Promise<void>;
}

/** Throws if the JIT config cannot be decoded. */
export function createRunnerClient(deps: { fetch: Fetch }, encodedJitConfig: string): RunnerClient {
  const identity = decodeJitConfig(encodedJitConfig);
  let token = "";

  async function call(path: string, bearer: string, init: FetchInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    const response = await deps.fetch(identity.serverUrl + path, { ...init, headers });
    if (response.status >= 500 || response.status === 400) {
      throw new Error(`the runner's call ${path} was answered ${response.status}`);
    }
    return response;
  }
  const post = (signal: AbortSignal | undefined, body?: string): FetchInit => ({
    method: "POST",
    ...(body === undefined ? {} : { body }),
    ...(signal ? { signal } : {}),
  });

  return {
    identity,
    async connect(signal) {
      const response = await call("/connect", identity.credential, post(signal));
      const body = asFields(await response.json());
      if (response.status === 409) return "used";
      if (response.status !== 200) return "gone";
      token = String(body["token"]);
      return "online";
    },
    async takeJob(signal) {
      const response = await call("/job", token, signal ? { signal } : {});
      if (response.status === 202) return "none";
      const job = asFields(await response.json());
      if (response.status !== 200) return "gone";
      return {
        job: String(job["job"]),
        jobId: String(job["jobId"]),
        displayName: String(job["displayName"]),
        durationMs: Number(job["durationMs"]),
        result: String(job["result"]),
      };
    },
    async renew(signal) {
      const response = await call("/job/renew", token, post(signal));
      await response.text();
      return response.status === 200 ? "running" : "gone";
    },
    async finish(result, signal) {
      const response = await call("/job/finish", token, post(signal, JSON.stringify({ result })));
      await response.text();
      return response.status === 200 ? "finished" : "gone";
    },
    async disconnect(signal) {
      const response = await call("/disconnect", token, post(signal));
      await response.text();
    },
  };
}
