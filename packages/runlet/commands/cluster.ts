// Why: clusters are registered, checked and removed by hand, at whatever place serves them.
import { addCluster } from "./cluster-add.ts";
import { adoptCluster } from "./cluster-adopt.ts";
import { checkRegistered } from "./cluster-check.ts";
import { grantCluster } from "./cluster-grant.ts";
import { listClusters, showCluster } from "./cluster-list.ts";
import { removeCluster } from "./cluster-remove.ts";
import { rotateCluster } from "./cluster-rotate.ts";
import { placeHelp } from "./place.ts";
import { createVerbs } from "./verbs.ts";

const help = `runlet cluster: the clusters that are served

usage: npx runlet cluster add NAME --kubeconfig FILE [--context C] [--namespace NS …]
       npx runlet cluster add NAME --eks CLUSTER [--region R] [--role-arn ARN [--external-id ID]] [--namespace NS …]
       npx runlet cluster list
       npx runlet cluster show | check NAME
       npx runlet cluster grant [NAME] [--account NS/NAME | --group GROUP] [--namespace NS …]
                                [--apply --kubeconfig FILE [--context C] [--write FILE]]
       npx runlet cluster rotate NAME --kubeconfig FILE | --eks CLUSTER
       npx runlet cluster adopt NAME [--yes]
       npx runlet cluster remove NAME [--limit-minutes N | --now [--yes] | --cancel]

add      registers a cluster, after it has been reached and its account's rights were tried
check    asks it for everything that can be wrong: version, kinds, clock, rights, managed namespaces, what ARC serves
grant    prints the rights that the control plane needs, for kubectl; with --apply it grants them, beside
         whoever was granted before
rotate   replaces how it is reached, after trying
adopt    takes over the runner sets of another installation that is gone; asks first
remove   no new runners; waits until those with a job have finished; forgets it (Ctrl-C ends the waiting only: the
         cluster goes on being emptied; run it again, or with --cancel)

  --kubeconfig FILE   an address, its CA and a token or client certificate, and nothing else; for grant an
                      administrator's, of any kind
  --context C         the context that is meant, where there are several
  --eks CLUSTER       a cluster of EKS, in the stage's region or --region R, by the functions' own role or --role-arn
                      ARN (with its --external-id ID)
  --namespace NS      only these namespaces (repeat); default: all labelled runlet.dev/managed=true
  --account NS/NAME   the service account that is granted (default runlet-system/runlet-control-plane)
  --group GROUP       a group instead, as an EKS access entry gives it
  --apply             grant now, with an administrator's kubeconfig
  --write FILE        write a kubeconfig of that account, good for cluster add
  --limit-minutes N   how long remove waits for runners (default 60)
  --now               remove without waiting
  --cancel            serve a cluster again whose removal has begun
  --yes               the answer to what would be asked
  --json              the answer as one JSON object

${placeHelp}

Exit codes: 0, 2 for a mistake in the call, 1 for everything else; check: 1 when something is wrong.
`;

export const clusterCommand = createVerbs({
  name: "cluster",
  summary: "clusters: add, list, show, check, grant, rotate, adopt, remove",
  help,
  options: {
    kubeconfig: { type: "string" },
    context: { type: "string" },
    eks: { type: "string" },
    region: { type: "string" },
    "role-arn": { type: "string" },
    "external-id": { type: "string" },
    namespace: { type: "string", multiple: true },
    account: { type: "string" },
    group: { type: "string" },
    apply: { type: "boolean" },
    write: { type: "string" },
    now: { type: "boolean" },
    cancel: { type: "boolean" },
    yes: { type: "boolean" },
    "limit-minutes": { type: "string" },
  },
  verbs: {
    add: addCluster,
    list: listClusters,
    show: showCluster,
    check: checkRegistered,
    grant: grantCluster,
    rotate: rotateCluster,
    adopt: adoptCluster,
    remove: removeCluster,
  },
});
