// Why: of GitHub's workflow_job event (docs.github.com, "Webhook events and payloads") we believe little: which
// job, what happened to it, which labels it asks for, and whose it is. The installation id is not read; it has
// been wrong for hours at a time.
import { parseJson } from "@runlet/actions-service/json";
import * as z from "zod/mini";

/** A job, as a webhook tells of it. */
export interface WorkflowJob {
  action: "queued" | "in_progress" | "completed" | "waiting";
  /** Decimal digits: an int64. */
  id: string;
  runId: string;
  name: string;
  labels: string[];
  /** Lower-cased. */
  owner: string;
  /** `owner/name`, lower-cased. */
  repository: string;
  enterprise: string | undefined;
  /** Host of the repository's web page, e.g. github.com: tells one GitHub from another. */
  host: string;
  runnerName: string | undefined;
  /** Wall ms at which the action happened; undefined where GitHub does not say. */
  at: number | undefined;
  /** GitHub's word for how it ended, e.g. "success". */
  conclusion: string | undefined;
}

/** A number, or the digits of one that a double does not hold. */
const id = z.union([z.number(), z.string().check(z.regex(/^\d{1,19}$/))]);

const payload = z.object({
  // An action that is not known yet wakes nobody, like "waiting".
  action: z.catch(z.enum(["queued", "in_progress", "completed", "waiting"]), "waiting"),
  workflow_job: z.object({
    id,
    run_id: id,
    name: z._default(z.string(), ""),
    labels: z._default(z.array(z.string()), []),
    runner_name: z.nullish(z.string()),
    conclusion: z.catch(z.nullish(z.string()), undefined),
    created_at: z.catch(z.nullish(z.string()), undefined),
    started_at: z.catch(z.nullish(z.string()), undefined),
    completed_at: z.catch(z.nullish(z.string()), undefined),
  }),
  repository: z.object({
    name: z.string(),
    full_name: z.string(),
    html_url: z.optional(z.string()),
    owner: z.object({ login: z.string() }),
  }),
  enterprise: z.nullish(z.object({ slug: z.string() })),
});

const labelsMax = 100;

/** Undefined when the body is no workflow_job event. */
export function parseWorkflowJob(body: string): WorkflowJob | undefined {
  const read = payload.safeParse(tryParse(body));
  if (!read.success) return undefined;
  const { action, workflow_job: job, repository, enterprise } = read.data;
  return {
    action,
    id: String(job.id),
    runId: String(job.run_id),
    name: job.name,
    labels: job.labels.slice(0, labelsMax),
    owner: repository.owner.login.toLowerCase(),
    repository: repository.full_name.toLowerCase(),
    enterprise: enterprise?.slug.toLowerCase(),
    host: hostOf(repository.html_url),
    runnerName: job.runner_name ?? undefined,
    at: timeOf(action, job),
    conclusion: job.conclusion ?? undefined,
  };
}

type Times = { [name in "created_at" | "started_at" | "completed_at"]?: string | null | undefined };

/** A delivery may come hours late, so the clock of whoever gets it says nothing. */
function timeOf(action: WorkflowJob["action"], job: Times): number | undefined {
  const happened = {
    waiting: job.created_at,
    queued: job.created_at,
    in_progress: job.started_at,
    completed: job.completed_at,
  };
  const at = Date.parse(happened[action] ?? "");
  return Number.isNaN(at) ? undefined : at;
}

function tryParse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function hostOf(url: string | undefined): string {
  if (!url || !URL.canParse(url)) return "github.com";
  return new URL(url).host.toLowerCase();
}
