// Why: how many calls somebody makes is known to the API server, whatever he says himself. Its audit log is the count
// that the bars are held against.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export const auditLogOf = (dir: string) => join(dir, "audit.log");

/** Writes the policy; returns the API server's flags for it. */
export function writeAuditPolicy(dir: string): string[] {
  const path = join(dir, "audit-policy.json");
  // JSON is YAML.
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived", "ResponseStarted", "Panic"],
    rules: [{ level: "Metadata" }],
  };
  writeFileSync(path, JSON.stringify(policy));
  return [`--audit-policy-file=${path}`, `--audit-log-path=${auditLogOf(dir)}`];
}

const auditLine = z.object({
  verb: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string().default(""),
      subresource: z.string().default(""),
      name: z.string().default(""),
    })
    .default({ resource: "", subresource: "", name: "" }),
  responseStatus: z.object({ code: z.number().default(0) }).default({ code: 0 }),
  requestReceivedTimestamp: z.string(),
});

export interface AuditedCall {
  verb: string;
  user: string;
  /** `pods`, `ephemeralrunners/status`. */
  resource: string;
  name: string;
  status: number;
  /** Wall clock, ms since 1970. */
  atMs: number;
}

/** The calls that have ended so far, in the order of their ends. Opening a watch is one too. */
export function readAuditLog(path: string): AuditedCall[] {
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const { verb, user, objectRef, responseStatus, ...rest } = auditLine.parse(JSON.parse(line));
    const { resource, subresource, name } = objectRef;
    return {
      verb,
      user: user.username,
      resource: subresource === "" ? resource : `${resource}/${subresource}`,
      name,
      status: responseStatus.code,
      atMs: Date.parse(rest.requestReceivedTimestamp),
    };
  });
}
