// Why: what a stored kubeconfig is refused for, each with its remedy, stands in one table that a user's
// questions can be answered from.

export interface KubeconfigProblem {
  /** What is wrong, naming the field. Never holds a secret. */
  reason: string;
  /** What to do about it. */
  remedy: string;
}

/** Thrown with everything that is wrong, not only the first thing. */
export class KubeconfigRefused extends Error {
  override name = "KubeconfigRefused";
  readonly problems: KubeconfigProblem[];
  constructor(problems: KubeconfigProblem[]) {
    super(problems.map(({ reason, remedy }) => `${reason}: ${remedy}`).join("; "));
    this.problems = problems;
  }
}

export type Fields = Record<string, unknown>;

export const flatten = "write it with `kubectl config view --minify --flatten`";
const serviceAccount =
  "use a service account's token (`runlet cluster grant --apply --write FILE` makes one)";

export function refuse(reason: string, remedy: string): never {
  throw new KubeconfigRefused([{ reason, remedy }]);
}

/** What a field is refused for. */
type Refusal = [field: string, reason: string, remedy: string];

const clusterRefusals: readonly Refusal[] = [
  [
    "insecure-skip-tls-verify",
    "insecure-skip-tls-verify turns verification off",
    "remove it and give certificate-authority-data",
  ],
  ["certificate-authority", "certificate-authority names a file", flatten],
  ["proxy-url", "proxy-url sends the cluster's traffic elsewhere", "remove it"],
];
const userRefusals: readonly Refusal[] = [
  ["exec", "exec starts a program", serviceAccount],
  ["auth-provider", "auth-provider needs a plug-in", serviceAccount],
  ["tokenFile", "tokenFile names a file", "put the token itself into `token`"],
  ["client-certificate", "client-certificate names a file", flatten],
  ["client-key", "client-key names a file", flatten],
  ["username", "API servers accept no user names and passwords", serviceAccount],
  ["password", "API servers accept no user names and passwords", serviceAccount],
  ["as", "impersonation (as) is not supported", "use the account itself"],
  ["as-uid", "impersonation (as-uid) is not supported", "use the account itself"],
  ["as-groups", "impersonation (as-groups) is not supported", "use the account itself"],
  ["as-user-extra", "impersonation (as-user-extra) is not supported", "use the account itself"],
];

function refused(fields: Fields, refusals: readonly Refusal[]): KubeconfigProblem[] {
  return refusals
    .filter(([field]) => isSet(fields[field]))
    .map(([, reason, remedy]) => ({ reason, remedy }));
}

/** `insecure-skip-tls-verify: false` and empty strings say nothing. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== "";
}

/** What a stored kubeconfig must not have in its cluster. */
export function clusterProblems(cluster: Fields): KubeconfigProblem[] {
  const problems = refused(cluster, clusterRefusals);
  const file = isSet(cluster["certificate-authority"]);
  if (!isSet(cluster["certificate-authority-data"]) && !file)
    problems.push({ reason: "the cluster has no certificate-authority-data", remedy: flatten });
  return problems;
}

/** What a stored kubeconfig must not have in its user. */
export function userProblems(user: Fields): KubeconfigProblem[] {
  const problems = refused(user, userRefusals);
  const token = isSet(user["token"]);
  const certificate = isSet(user["client-certificate-data"]) || isSet(user["client-key-data"]);
  if (!token && !certificate && problems.length === 0)
    problems.push({ reason: "the user has no token and no certificate", remedy: serviceAccount });
  return problems;
}
