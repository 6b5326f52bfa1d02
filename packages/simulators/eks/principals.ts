// Why: who calls AWS is known by an access key; what that means in a cluster, by its access entries.

export interface AwsPrincipal {
  /** e.g. arn:aws:iam::123456789012:role/runlet */
  arn: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** EKS, "Grant IAM users access to Kubernetes with EKS access entries": who is which groups in the cluster. */
export interface AccessEntry {
  principalArn: string;
  kubernetesGroups: string[];
}
