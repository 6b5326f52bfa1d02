// Why: whatever a deployment may be told stands in one typed table, with a default for everything and the reason for it.
// To change something, name the stage in `stages` below; a value that cannot be meant is refused by name before anything
// is created.
import { isSecure, parseConfigUrl } from "@runlet/actions-service/config-url";
import { cloudSettings } from "@runlet/runtime/settings";
import * as z from "zod";

const text = z.string({ error: "give a text" }).min(1, { error: "give a text" });
const email = z.email("give an address, or leave it out");
const whole = (least: number, most: number) => {
  const error = `give a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};
const megabytes = whole(128, 10_240);
const scope = "give the https address of an enterprise, organization or repository";
const scopeUrl = z.string({ error: scope }).refine(isScope, { error: scope });
const number = "give the number at the end of the webhook's page";
const hookId = z.int({ error: number }).positive({ error: number });
const proxyUrl = z.url({ protocol: /^https?$/, error: "give http://HOST:PORT" });
const arn = z.string().regex(/^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, "give a role's ARN");

const shape = z.strictObject({
  /** Alarms are mailed here once the address has confirmed (SNS asks it). None: they are seen in the console only. */
  alarmEmail: email.optional(),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  /** $0.50/GB is paid for writing, little for keeping: long enough to look back at a bad week. */
  logRetention: z.enum(["1 week", "1 month", "3 months", "1 year"]).default("1 month"),
  /** Sizes the poller's own limit of concurrency and the guard of cost; it costs nothing by itself. */
  scaleSetsMax: whole(1, 10_000).default(1_000),
  /**
   * How many events of GitHub are answered at once; a function URL has no other brake. 1,500 events in 10 s at 50 ms
   * each are 8 at once; what is refused beyond that GitHub keeps as failed, and the sweep has it sent again.
   */
  webhookConcurrency: whole(1, 1_000).default(20),
  /** An event in front of a waiting job: more memory is more CPU, so a shorter cold start. */
  webhookMemoryMb: megabytes.default(512),
  /**
   * A full shard takes 123 to 148 MB at most (`npm run bench -- poller-memory`), and it is what a shard costs. More is more
   * CPU, which a take-over waits for: two hundred sets in half the time with 512 (`-- poller-share`).
   */
  pollerMemoryMb: megabytes.default(256),
  sweepMemoryMb: megabytes.default(256),
  /**
   * A shard that was quiet for so long closes its sessions, until a webhook or a look wakes it. Off: nobody outside of
   * GitHub knows whether a scale set without a session is assigned jobs.
   */
  restAfterMinutes: whole(1, 1_440).optional(),
  /** Webhooks whose failed deliveries GitHub is asked to send again; an App's own without `hookId`. */
  webhooks: z.array(z.strictObject({ scope: scopeUrl, hookId: hookId.optional() })).default([]),
  /**
   * Clusters of EKS that the functions may describe. With `roleArn` (another account's) that role is assumed; without,
   * the functions' own roles get an access entry. Others are registered by their kubeconfig and need no line here.
   */
  eksClusters: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][\w-]{0,99}$/, "give the cluster's name in EKS"),
        /** Default: the deployment's. */
        region: z
          .string()
          .regex(/^[a-z]+(-[a-z]+)+-\d+$/, "give a region's name, e.g. eu-central-1")
          .optional(),
        roleArn: arn.optional(),
      }),
    )
    .refine(areDistinct, { error: "name each cluster once" })
    .default([]),
  /** For everything that the functions call. */
  proxy: z.strictObject({ https: proxyUrl, noProxy: z.array(text).default([]) }).optional(),
  /**
   * Only for clusters whose API has a private address. It needs a NAT gateway for GitHub and AWS: about $33 a month and
   * $0.045/GB, more than everything else here together.
   */
  vpc: z
    .strictObject({
      securityGroups: z.array(text).min(1, { error: "name at least one" }),
      privateSubnets: z.array(text).min(2, { error: "name at least two, in two zones" }),
    })
    .optional(),
  /** The guard of cost: an alarm above this. Default: every shard always on, and a half more. */
  gbSecondsPerDayMax: whole(1, 1_000_000_000).optional(),
});

export type StageOptions = z.input<typeof shape>;
export interface StageSettings extends z.output<typeof shape> {
  gbSecondsPerDayMax: number;
  /** Shards that `scaleSetsMax` makes. */
  shardsMax: number;
  /** In each shard at once: the holder, its successor, one that watches after a failure, one that a webhook woke. */
  pollerConcurrency: number;
}

/** The stages that differ from the defaults. */
export const stages: Record<string, StageOptions> = {
  prod: { logRetention: "3 months" },
};

/** What holds for a stage. Throws an Error that names each field that is wrong. */
export function settingsOf(stage: string, options = stages[stage] ?? {}): StageSettings {
  // It stands in names of at most 64 characters.
  if (!/^[a-z0-9][a-z0-9-]{0,29}$/.test(stage)) {
    throw new Error(
      `the stage is called ${stage}: give at most 30 small letters, digits and hyphens`,
    );
  }
  const read = shape.safeParse(options);
  if (!read.success) {
    const wrong = read.error.issues.map((issue) => describeIssue(issue, options)).join("; ");
    throw new Error(`stacks/settings.ts, stage ${stage}: ${wrong}`);
  }
  const settings = read.data;
  const shardsMax = Math.ceil(settings.scaleSetsMax / cloudSettings.shardSize);
  const alwaysOn = shardsMax * (settings.pollerMemoryMb / 1024) * 86_400;
  return {
    ...settings,
    gbSecondsPerDayMax: settings.gbSecondsPerDayMax ?? Math.ceil(alwaysOn * 1.5),
    shardsMax,
    pollerConcurrency: 4 * shardsMax,
  };
}

/** What the functions could not read would keep all of them from starting. */
function isScope(text: string): boolean {
  try {
    return isSecure(parseConfigUrl(text));
  } catch {
    return false;
  }
}

/** Each has an access entry of its own, by its name and region. */
function areDistinct(clusters: { name: string; region?: string | undefined }[]): boolean {
  return new Set(clusters.map(({ name, region }) => `${region}/${name}`)).size === clusters.length;
}

/** The field, its value and what is expected instead. */
function describeIssue(issue: z.core.$ZodIssue, options: unknown): string {
  const field = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const unknown = issue.keys.map((key) => [...issue.path, key].join(".")).join(", ");
    return `there is no setting ${unknown}: take it out, or see in this file how it is called`;
  }
  let value = options;
  // `as`: whatever is on the way to it can be asked for a member, or is not there.
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  if (value === undefined) return `${field} is missing: ${issue.message}`;
  // A proxy's address may hold a password.
  const shown = JSON.stringify(value).replaceAll(/\/\/[^/@"]*@/g, "//***@");
  return `${field} is ${shown}: ${issue.message}`;
}
