// Why: a kubeconfig that is stored in the cloud must be nothing but an address, a CA and a credential. Other
// kubeconfigs start programs, read files of the machine they are on, or turn verification off; each of
// these is refused with the reason and what to do instead (invariant of the threat model: no configuration
// turns TLS verification off, none runs a program).
import { parse } from "yaml";
import * as z from "zod";
import { checkCertificates, decodePem, isKeyOf } from "./kubeconfig-pem.ts";
import {
  clusterProblems,
  flatten,
  isSet,
  KubeconfigRefused,
  refuse,
  userProblems,
  type Fields,
  type KubeconfigProblem,
} from "./kubeconfig-problems.ts";
import { parseServerUrl } from "./server-url.ts";

/** All that is needed to reach a cluster. */
export interface StrictKubeconfig {
  context: string;
  /** https://host:port, no trailing slash. */
  server: string;
  caPem: string;
  /** The TLS name where it is not the server's host. */
  serverName?: string;
  credential:
    | { kind: "token"; token: string }
    | { kind: "certificate"; certificatePem: string; keyPem: string };
}

const longestBytes = 1_000_000;

const clusterFields = z.strictObject({
  server: z.string(),
  "certificate-authority-data": z.string(),
  "tls-server-name": z.string().optional(),
  extensions: z.unknown().optional(),
});
const userFields = z.strictObject({
  token: z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key-data": z.string().optional(),
  extensions: z.unknown().optional(),
});
const anything = z.record(z.string(), z.unknown()).nullable();
const fileFields = z.looseObject({
  apiVersion: z.literal("v1"),
  kind: z.literal("Config"),
  clusters: z.array(z.looseObject({ name: z.string(), cluster: anything })).min(1),
  users: z.array(z.looseObject({ name: z.string(), user: anything })).min(1),
  contexts: z.array(z.looseObject({ name: z.string(), context: anything })).min(1),
});

/** Reads a kubeconfig, or throws KubeconfigRefused. `context` is needed where there are several. */
export function parseStrictKubeconfig(
  text: string,
  options: { context?: string } = {},
): StrictKubeconfig {
  const file = parseFile(text);
  const context = chooseContext(file.contexts, options.context);
  const cluster = pick("cluster", context.fields["cluster"], file.clusters, (one) => one.cluster);
  const user = pick("user", context.fields["user"], file.users, (one) => one.user);
  const problems = [...clusterProblems(cluster), ...userProblems(user)];
  if (problems.length > 0) throw new KubeconfigRefused(problems);

  // What is left has exactly the fields below; anything unknown is refused rather than ignored.
  const c = readFields(clusterFields, cluster, "cluster");
  const u = readFields(userFields, user, "user");
  const checks: KubeconfigProblem[] = [];
  const server = parseServerUrl(c.server);
  if (typeof server !== "string") checks.push(server);
  const caPem = decodePem(c["certificate-authority-data"], "certificate-authority-data", checks);
  if (caPem) checkCertificates(caPem, "certificate-authority-data", checks);
  const credential = readCredential(u, checks);
  if (checks.length > 0 || typeof server !== "string" || !caPem || !credential)
    throw new KubeconfigRefused(checks);
  const serverName = c["tls-server-name"];
  return {
    context: context.name,
    server,
    caPem,
    credential,
    ...(serverName ? { serverName } : {}),
  };
}

function parseFile(text: string): z.infer<typeof fileFields> {
  if (Buffer.byteLength(text) > longestBytes)
    refuse(`the kubeconfig is larger than ${longestBytes} bytes`, flatten);
  let value: unknown;
  try {
    // No aliases: a small text could unfold to gigabytes. Twice the same key: which one counts is a guess.
    // No warnings either: they are printed, and quote the text.
    value = parse(text, {
      maxAliasCount: 0,
      uniqueKeys: true,
      schema: "core",
      logLevel: "error",
    });
  } catch {
    // The parser's message would quote the text, which may be a secret.
    refuse("the kubeconfig is no plain YAML (broken, an alias, or a key given twice)", flatten);
  }
  const file = fileFields.safeParse(value);
  if (file.success) return file.data;
  const where = file.error.issues.map((issue) => issue.path.join(".") || "the file").join(", ");
  return refuse(`the text is no kubeconfig: ${where}`, flatten);
}

function chooseContext(
  contexts: z.infer<typeof fileFields>["contexts"],
  wanted: string | undefined,
): { name: string; fields: Fields } {
  const names = contexts.map((one) => one.name);
  if (new Set(names).size < names.length) refuse("two contexts have one name", flatten);
  const [only] = contexts;
  const chosen =
    wanted === undefined
      ? contexts.length === 1
        ? only
        : undefined
      : contexts.find((one) => one.name === wanted);
  if (!chosen)
    return refuse(
      wanted === undefined
        ? `the kubeconfig has several contexts: ${names.join(", ")}`
        : `the kubeconfig has no context ${wanted}; it has ${names.join(", ")}`,
      "say which one is meant with --context NAME",
    );
  return { name: chosen.name, fields: chosen.context ?? {} };
}

function pick<Entry extends { name: string }>(
  kind: "cluster" | "user",
  name: unknown,
  list: Entry[],
  fieldsOf: (entry: Entry) => Fields | null,
): Fields {
  const found = list.filter((one) => one.name === name);
  const [entry] = found;
  if (typeof name !== "string" || !entry)
    return refuse(`the context names a ${kind} that is not in the file`, flatten);
  if (found.length > 1) return refuse(`two ${kind}s have the name ${name}`, flatten);
  return fieldsOf(entry) ?? {};
}

function readFields<T>(schema: z.ZodType<T>, fields: Fields, kind: string): T {
  const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => isSet(value)));
  const read = schema.safeParse(present);
  if (read.success) return read.data;
  // Keys only: a value may be a secret.
  const keys = read.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys : [issue.path.join(".")],
  );
  return refuse(`the ${kind} has fields that are not understood: ${keys.join(", ")}`, flatten);
}

function readCredential(
  user: z.infer<typeof userFields>,
  problems: KubeconfigProblem[],
): StrictKubeconfig["credential"] | undefined {
  const { token } = user;
  if (token !== undefined) {
    // As client-go: a token goes before a certificate.
    if (/^[\x21-\x7e]+$/.test(token)) return { kind: "token", token };
    problems.push({
      reason: "the token has characters that no token has",
      remedy: "check that it is not base64 of a token, and has no line break",
    });
    return undefined;
  }
  const certificate = decodePem(
    user["client-certificate-data"],
    "client-certificate-data",
    problems,
  );
  const keyPem = decodePem(user["client-key-data"], "client-key-data", problems);
  if (!certificate || !keyPem) return undefined;
  const certificates = checkCertificates(certificate, "client-certificate-data", problems);
  const [first] = certificates;
  if (!first) return undefined;
  if (isKeyOf(first, keyPem)) return { kind: "certificate", certificatePem: certificate, keyPem };
  const reason = "client-key-data is not the key of client-certificate-data, or cannot be read";
  problems.push({ reason, remedy: flatten });
  return undefined;
}
