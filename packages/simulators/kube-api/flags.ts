// Why: a bad flag must be one clear line, not a stack (exit code 2).
import { readFlags, readInt, UsageError } from "@runlet/runtime/flags";

export interface Flags {
  port: number;
  kubeconfig: string;
  kubelet: boolean;
  json: boolean;
  help: boolean;
}

export const help = `The Kubernetes API alone on a port, with Runlet's custom resources loaded.

  npm run simulator:kube-api -- --port N --kubeconfig FILE [--no-kubelet] [--json]

  --port N          listen on 127.0.0.1:N (0: a free port; default 0)
  --kubeconfig FILE write address, CA and administrator's token there (mode 0600)
  --no-kubelet      pods stay Pending: nobody plays the kubelet
  --json            the ready line as JSON: {"ready":true,"url":…,"kubeconfig":…}
  --help            this text

HTTPS (HTTP/1.1 and HTTP/2) with a certificate of its own CA, kept in .runlet/ (or RUNLET_HOME).
Not there: server-side apply and protobuf (both answered with 415), and the rules in CEL of a CRD are not evaluated.
State is in memory: it ends with the process. Exit code 0 after SIGINT or SIGTERM, 2 for a mistake in the call.
Try: kubectl --kubeconfig FILE get autoscalingrunnersets -A`;

export const options = {
  port: { type: "string" },
  kubeconfig: { type: "string" },
  "no-kubelet": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Flags of serve.ts. Throws UsageError. */
export function parseFlags(args: string[]): Flags {
  const { values } = readFlags(args, options);
  const isHelp = values.help === true;
  if (!isHelp && !values.kubeconfig) {
    throw new UsageError(
      "--kubeconfig is missing: give the file to write, as in --kubeconfig k.yaml",
    );
  }
  return {
    port: readInt("port", values.port, { min: 0, max: 65_535, default: 0 }),
    kubeconfig: values.kubeconfig ?? "",
    kubelet: values["no-kubelet"] !== true,
    json: values.json === true,
    help: isHelp,
  };
}
