// Why: the three processes of a control plane and their flags, each with its reason where it is not
// envtest's (kubernetes-sigs/controller-runtime, pkg/internal/testing/controlplane).
import { join } from "node:path";
import { writeKubeconfig, type Bed } from "./bed.ts";
import { startComponent, type Component } from "@runlet/runlet/programs/component";

export function startEtcd({ binaries, dir, etcdPorts: [client, peer], etcdFlags }: Bed): Component {
  const args = [
    `--data-dir=${join(dir, "etcd")}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    "--unsafe-no-fsync",
    ...etcdFlags,
  ];
  return startComponent("etcd", binaries.etcd, { args, logFile: join(dir, "etcd.log") });
}

export function startApiServer(bed: Bed): Component {
  const file = (name: string) => join(bed.dir, name);
  const args = [
    `--etcd-servers=http://127.0.0.1:${bed.etcdPorts[0]}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${bed.apiPort}`,
    // A machine without a default route has no address of its own to advertise.
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.0.0.0/24",
    "--allow-privileged=true",
    "--authorization-mode=RBAC",
    `--tls-cert-file=${file("server.crt")}`,
    `--tls-private-key-file=${file("server.key")}`,
    `--token-auth-file=${file("tokens.csv")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${file("accounts.pub")}`,
    `--service-account-signing-key-file=${file("accounts.key")}`,
    "--event-ttl=10m",
    ...bed.flags,
  ];
  const logFile = file("kube-apiserver.log");
  return startComponent("kube-apiserver", bed.binaries.apiServer, { args, logFile });
}

// Only what a runner's life touches. Node-lifecycle removes the taint that new nodes begin with.
const controllers = [
  "garbage-collector-controller",
  "namespace-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
  "root-ca-certificate-publisher-controller",
  "pod-garbage-collector-controller",
  "resourcequota-controller",
  "taint-eviction-controller",
  "node-lifecycle-controller",
  "clusterrole-aggregation-controller",
];

export function startControllerManager(bed: Bed): Component {
  const args = [
    `--kubeconfig=${writeKubeconfig(bed, "system:kube-controller-manager")}`,
    `--service-account-private-key-file=${join(bed.dir, "accounts.key")}`,
    `--root-ca-file=${join(bed.dir, "ca.crt")}`,
    "--use-service-account-credentials=true",
    `--controllers=${controllers.join(",")}`,
    "--leader-elect=false",
    // Its default port is fixed, so that a second cluster would not come up.
    "--secure-port=0",
  ];
  const logFile = join(bed.dir, "kube-controller-manager.log");
  const file = bed.binaries.controllerManager;
  return startComponent("kube-controller-manager", file, { args, logFile });
}
