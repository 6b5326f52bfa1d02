// Why: the reconciler as it is shipped: a process from its bundle, with flags, signals, pages and a log, that reaches
// the cluster with the token of its own account.
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";

export interface LogLine {
  time: string;
  level: string;
  event: string;
  [field: string]: unknown;
}

export interface ReconcilerProcess {
  pid: number;
  /** Standard output and error. */
  output(): string;
  /** Lines of that event, in order. */
  lines(event: string): LogLine[];
  /** The first line of that event; rejects after `limitMs`, or when the process ends before. */
  until(event: string, limitMs?: number): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
  /** The text of a page, with its status. */
  page(path: "/healthz" | "/readyz" | "/metrics"): Promise<{ status: number; text: string }>;
}

export interface ReconcilerStart {
  bundle: string;
  server: string;
  caPem: string;
  token: string;
  /** For its kubeconfig. */
  dir: string;
  flags?: string[];
}

const clock = createSystemClock();
const dockerfile = new URL("../../packages/reconciler/Dockerfile", import.meta.url);

/** How the image starts Node: what stands between `node` and the bundle. */
function nodeFlags(): string[] {
  const line = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(dockerfile, "utf8"))?.[1] ?? "[]";
  // A Dockerfile's exec form is a JSON array of strings.
  return (JSON.parse(line) as string[]).slice(1, -1);
}

const living = new Set<ChildProcess>();
// None may outlive a suite that failed.
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/** Ports are free ones; `until("reconciler_ready")` says that it works. */
export function startReconcilerProcess(start: ReconcilerStart): ReconcilerProcess {
  const own = ["--probe-port", "0", "--metrics-addr", "127.0.0.1:0"];
  const args = [...nodeFlags(), start.bundle, "--kubeconfig", writeKubeconfig(start), ...own];
  const child = spawn(process.execPath, [...args, ...(start.flags ?? [])], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  }
  let isOver = false;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("exit", (code, signal) => {
      isOver = true;
      living.delete(child);
      resolve(code ?? signal ?? 1);
    });
  });
  living.add(child);
  const lines = (event: string) =>
    output.split("\n").flatMap((line) => {
      if (!line.startsWith("{") || !line.endsWith("}")) return [];
      const parsed = JSON.parse(line) as LogLine; // what runtime/log.ts writes
      return parsed.event === event ? [parsed] : [];
    });
  async function until(event: string, limitMs = 20_000): Promise<LogLine> {
    const end = clock.nowMs() + limitMs;
    for (;;) {
      const [found] = lines(event);
      if (found) return found;
      const why = isOver ? "the process ended" : "it did not come in time";
      if (isOver || clock.nowMs() > end) throw new Error(`${event}: ${why}\n${output}`);
      await clock.sleep(20);
    }
  }
  return {
    pid: child.pid ?? 0,
    output: () => output,
    lines,
    until,
    signal: (signal) => void child.kill(signal),
    ended,
    async page(path) {
      const { probePort, metricsPort } = await until("pages_served");
      const port = path === "/metrics" ? metricsPort : probePort;
      const response = await fetch(`http://127.0.0.1:${Number(port)}${path}`);
      return { status: response.status, text: await response.text() };
    },
  };
}

/** Writes a kubeconfig file with that token; returns its path. */
export function writeKubeconfig({
  dir,
  server,
  caPem,
  token,
}: Pick<ReconcilerStart, "dir" | "server" | "caPem" | "token">): string {
  const file = join(dir, `kubeconfig-${randomUUID()}.json`);
  const ca = Buffer.from(caPem).toString("base64");
  // JSON is YAML.
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "here", user: "reconciler" } }],
    clusters: [{ name: "here", cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: "reconciler", user: { token } }],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
