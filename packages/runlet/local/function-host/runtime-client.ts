// Why: the process inside a container. It speaks the Lambda Runtime API
// (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: next · response · error), so that the entries
// in functions/ run here exactly as they run in the cloud. Started by container.ts, one a container.
import { flushCompileCache } from "node:module";
import { pathToFileURL } from "node:url";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { describeError } from "@runlet/runtime/log";
import { readRuntimeEnvironment } from "@runlet/runtime/settings-environment";

interface Context {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}
type Handler = (event: unknown, context: Context) => Promise<unknown>;

const { api, handler: handlerPath, wallMs } = readRuntimeEnvironment();
const base = `http://${api}/2018-06-01/runtime`;
const http = createHttpFetch({ clock: createSystemClock(), http2: "never" });

/**
 * The host holds the other end of our standard input and never writes to it: the end of it is the end of the host, also
 * after SIGKILL. Without it a poller would keep its lease and its sessions, and die at its first log line (EPIPE).
 */
function endWithHost() {
  for (const event of ["end", "error"]) process.stdin.on(event, () => process.exit(1));
  process.stdin.resume();
}

async function loadHandler(): Promise<Handler> {
  const [file, name] = splitHandler(handlerPath);
  const module: Record<string, unknown> = await import(pathToFileURL(file).href);
  const found = module[name];
  if (typeof found !== "function") throw new Error(`${file} exports no function ${name}`);
  return found as Handler; // the entry's own type is checked where it is written
}

/** `functions/poller.ts#handler` → file and export. */
function splitHandler(path: string): [string, string] {
  const at = path.lastIndexOf("#");
  return at < 0 ? [path, "handler"] : [path.slice(0, at), path.slice(at + 1)];
}

const send = (path: string, body: unknown) =>
  http(`${base}/${path}`, { method: "POST", body: JSON.stringify(body ?? null) }).then((answer) =>
    answer.text(),
  );

const asError = (error: unknown) => ({
  errorType: error instanceof Error ? error.name : "Error",
  errorMessage: describeError(error),
});

async function serve(handler: Handler): Promise<never> {
  for (;;) {
    const next = await http(`${base}/invocation/next`);
    const id = next.headers.get("lambda-runtime-aws-request-id") ?? "";
    const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"));
    const event: unknown = await next.json();
    const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - wallMs() };
    try {
      await send(`invocation/${id}/response`, await handler(event, context));
    } catch (error) {
      await send(`invocation/${id}/error`, asError(error));
    }
  }
}

endWithHost();
try {
  const handler = await loadHandler();
  // Node writes its cache of compiled code when a process exits, which a container that is killed never does.
  flushCompileCache();
  await serve(handler);
} catch (error) {
  await send("init/error", asError(error)).catch(() => {});
  process.exit(1);
}
