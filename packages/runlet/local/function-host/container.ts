// Why: one container is one process and one Runtime API of its own, as on Lambda: it takes one invocation
// at a time, is reused while warm, and is killed when an invocation passes its time limit.
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Clock } from "@runlet/runtime/clock";

const runtimeClient = fileURLToPath(new URL("./runtime-client.ts", import.meta.url));

/**
 * V8 lets its young space grow to three times 16 MB before it collects it, more than two hundred idle scale sets need
 * altogether (nodejs.org/api/cli.html, "--max-semi-space-size").
 */
const youngSpace = "--max-semi-space-size=2";

/** What a container runs. */
export interface FunctionSpec {
  /** `path#export` of the entry. */
  handler: string;
  timeoutMs: number;
  environment: Record<string, string>;
  /** Called with each line of its standard output and standard error. */
  onOutput: (line: string) => void;
}

/** How an invocation ended. `error` has Lambda's error types (Runtime.ExitError, Sandbox.Timedout, …). */
export type InvocationResult = { ok: true; payload: string } | { ok: false; error: string };

export interface Invocation {
  id: string;
  payload: string;
}

export interface Container {
  /** Undefined until the process has been started. */
  pid(): number | undefined;
  busy(): Invocation | undefined;
  run(invocation: Invocation): Promise<InvocationResult>;
  /** Ends the process (SIGKILL); a running invocation fails. */
  kill(): void;
  ended: Promise<void>;
}

interface Running {
  invocation: Invocation;
  settle: (result: InvocationResult) => void;
  cancelDeadline: () => void;
}

/** Starts a container. It ends by itself when its process ends. */
export async function startContainer(
  deps: { clock: Clock; nodePath: string; parentEnvironment: Record<string, string> },
  spec: FunctionSpec,
): Promise<Container> {
  let waiting: ServerResponse | undefined;
  let running: Running | undefined;

  const settle = (result: InvocationResult) => {
    running?.cancelDeadline();
    const settled = running;
    running = undefined;
    settled?.settle(result);
  };

  /** Hands the invocation over once both it and the process's `next` are there. */
  const pump = () => {
    if (!waiting || !running) return;
    const answer = waiting;
    waiting = undefined;
    // As on Lambda, the time limit counts from when the runtime takes the invocation.
    running.cancelDeadline = deps.clock.after(spec.timeoutMs, () => {
      const seconds = (spec.timeoutMs / 1000).toFixed(2);
      settle({ ok: false, error: `Sandbox.Timedout: Task timed out after ${seconds} seconds` });
      child.kill("SIGKILL");
    });
    answer.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": running.invocation.id,
      "lambda-runtime-deadline-ms": String(Math.round(deps.clock.wallMs() + spec.timeoutMs)),
    });
    answer.end(running.invocation.payload);
  };

  const api = await listen(async (request, answer) => {
    const [, , , what = "", id, kind] = (request.url ?? "").split("/");
    if (what === "invocation" && id === "next") {
      waiting = answer;
      return pump();
    }
    const body = await readBody(request);
    if (what === "init") settle({ ok: false, error: body });
    else if (running?.invocation.id === id) {
      settle(kind === "response" ? { ok: true, payload: body } : { ok: false, error: body });
    }
    answer.writeHead(202).end("{}");
  });

  const child: ChildProcess = spawn(
    deps.nodePath,
    ["--disable-warning=ExperimentalWarning", youngSpace, runtimeClient],
    {
      // Nothing is ever written to its standard input: it closes when this process ends, and the container with it.
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...deps.parentEnvironment,
        ...spec.environment,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
        _HANDLER: spec.handler,
      },
    },
  );
  for (const stream of [child.stdout, child.stderr]) forEachLine(stream, spec.onOutput);
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const end = (why: string) => {
      if (isOver) return;
      isOver = true;
      api.close();
      api.closeAllConnections();
      // First the pool forgets the container, then it hears of the invocation: the next one must not come here.
      resolve();
      settle({ ok: false, error: `Runtime.ExitError: ${why}` });
    };
    child.once("exit", (code, signal) => end(`exit ${code ?? signal}`));
    child.once("error", (error) => end(error.message));
  });

  return {
    pid: () => child.pid,
    busy: () => running?.invocation,
    run(invocation) {
      return new Promise((resolve) => {
        if (isOver)
          return resolve({ ok: false, error: "Runtime.ExitError: the container has ended" });
        running = { invocation, settle: resolve, cancelDeadline: () => {} };
        pump();
      });
    },
    kill: () => void child.kill("SIGKILL"),
    ended,
  };
}

async function listen(
  handle: (request: IncomingMessage, answer: ServerResponse) => Promise<void>,
): Promise<Server> {
  const server = createServer((request, answer) => {
    handle(request, answer).catch(() => answer.destroy());
  });
  server.keepAliveTimeout = 0; // `next` may be open for as long as the container is idle
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return server;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks).toString("utf8");
}

function forEachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void) {
  let rest = "";
  stream?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  });
  stream?.on("end", () => rest && take(rest));
}
