// Why: a bad flag must be one clear line, not a stack (exit code 2).
import { parseArgs } from "node:util";

export interface Flags {
  port: number;
  kubeconfig: string;
  kubelet: boolean;
  json: boolean;
  help: boolean;
}

export class UsageError extends Error {
  override name = "UsageError";
}

export const help = `The Kubernetes API alone on a port, with Runlet's custom resources loaded.

  npm run simulator:kube-api -- --port N --kubeconfig FILE [--no-kubelet] [--json]

  --port N          listen on 127.0.0.1:N (0: a free port; default 0)
  --kubeconfig FILE write address, CA and administrator's token there (mode 0600)
  --no-kubelet      pods stay Pending: nobody plays the kubelet
  --json            the ready line as JSON: {"ready":true,"url":…,"kubeconfig":…}
  --help            this text

HTTPS (HTTP/1.1 and HTTP/2) with a certificate of its own CA, kept in .runlet/ (or RUNLET_HOME).
State is in memory: it ends with the process (SIGINT or SIGTERM, exit 0).
Try: kubectl --kubeconfig FILE get autoscalingrunnersets -A`;

/** Flags of serve.ts. Throws UsageError. */
export function parseFlags(args: string[]): Flags {
  const { values } = parse(args);
  const port = Number(values.port ?? "0");
  if (!/^\d+$/.test(values.port ?? "0") || port > 65_535) {
    throw new UsageError(`--port must be a whole number from 0 to 65535, not ${values.port}`);
  }
  const isHelp = values.help === true;
  if (!isHelp && !values.kubeconfig) throw new UsageError("--kubeconfig FILE is missing");
  return {
    port,
    kubeconfig: values.kubeconfig ?? "",
    kubelet: values["no-kubelet"] !== true,
    json: values.json === true,
    help: isHelp,
  };
}

export const options = {
  port: { type: "string" },
  kubeconfig: { type: "string" },
  "no-kubelet": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function parse(args: string[]) {
  try {
    return parseArgs({ args, strict: true, options });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new UsageError(text.split(/\.(?: |\n|$)/)[0] ?? text);
  }
}
