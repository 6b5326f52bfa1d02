// Why: a cluster's row says in one line of text where its access is found, and never the access itself. Whoever registers
// a cluster writes that line, whoever serves it reads it.

/** In the cloud: a secret with a strict kubeconfig, or a cluster of EKS. */
export type AccessRef =
  | { kind: "secret"; name: string }
  | { kind: "eks"; region: string; name: string; roleArn?: string; externalId?: string };

/** e.g. `secret:runlet/prod/clusters/east`, `eks:eu-central-1/east?role=arn:aws:iam::2101:role/runlet`. */
export function formatAccessRef(ref: AccessRef): string {
  if (ref.kind === "secret") return `secret:${ref.name}`;
  const { roleArn, externalId } = ref;
  const query = new URLSearchParams({
    ...(roleArn && { role: roleArn }),
    ...(externalId && { externalId }),
  });
  const rest = query.toString();
  return `eks:${ref.region}/${ref.name}${rest && `?${rest}`}`;
}

/** Undefined when it is of another deployment's kind (a name in the config of one machine) or nonsense. */
export function parseAccessRef(text: string): AccessRef | undefined {
  const secret = /^secret:([\w/+=.@-]{1,512})$/.exec(text)?.[1];
  if (secret) return { kind: "secret", name: secret };
  // EKS, "CreateCluster": letters, digits, hyphens and underscores, at most 100.
  const eks = /^eks:([a-z0-9-]+)\/([A-Za-z0-9][\w-]{0,99})(?:\?(.*))?$/.exec(text);
  const [, region, name, rest] = eks ?? [];
  if (!region || !name) return undefined;
  const query = new URLSearchParams(rest);
  const [roleArn, externalId] = [query.get("role"), query.get("externalId")];
  return {
    kind: "eks",
    region,
    name,
    ...(roleArn && { roleArn }),
    ...(externalId && { externalId }),
  };
}
