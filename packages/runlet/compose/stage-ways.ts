// Why: where a deployed stage may be sent, and how: GitHub with each scope's credential, clusters by their kubeconfig or by
// EKS, all past the guard against addresses that no cluster has, and through the deployment's proxy.
import type { Secrets } from "@runlet/coordination/secrets";
import { createEksAccess } from "@runlet/kubernetes/eks-access";
import { createAddressGuard } from "@runlet/runtime/address-guard";
import type { Clock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetchOptions } from "@runlet/runtime/http";
import type { Log } from "@runlet/runtime/log";
import type { AwsStage } from "@runlet/runtime/settings-aws";
import { createAccessFinder } from "./access-finder.ts";
import type { AwsCalls } from "./aws-calls.ts";

export interface StageDeps {
  clock: Clock;
  log: Log;
  secrets: Secrets;
  aws: AwsCalls;
}

/** The options of every connection of the stage but those to AWS, and the way into its clusters. */
export function createStageWays(deps: StageDeps, stage: AwsStage) {
  const { aws } = deps;
  const guard = createAddressGuard({ allowLoopback: stage.allowLoopback });
  const way = { guard, ...(stage.proxy && { proxy: stage.proxy }) };
  const createFetch = (options: HttpFetchOptions) => createHttpFetch({ ...options, ...way });
  const account = {
    ...deps,
    createFetch,
    fetch: aws.http,
    credentials: stage.credentials,
    stsUrl: (region: string) => stage.urlOf("sts", region),
    eksUrl: (region: string) => stage.urlOf("eks", region),
  };
  const openEks = (cluster: Parameters<typeof createEksAccess>[1]) =>
    createEksAccess(account, cluster);
  return { way, createFetch, accessTo: createAccessFinder({ ...deps, createFetch, openEks }) };
}
