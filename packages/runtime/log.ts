// Why: a log line is a named fact with fields, one a decision. Lines are JSON (CloudWatch parses them),
// and nothing that looks like a secret leaves this file.

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Record<string, unknown>;

/** Where facts go. `event` is a fixed snake_case name such as `desired_count_patched`. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with `fields` on every line. */
  with(fields: LogFields): Log;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** A log that writes one JSON object a line through `write` (without the newline). */
export function createLog(
  deps: { write: (line: string) => void; wallMs: () => number },
  options: { level?: LogLevel; fields?: LogFields } = {},
): Log {
  const least = levels.indexOf(options.level ?? "info");
  const base = options.fields ?? {};
  const at = (level: LogLevel) => (event: string, fields?: LogFields) => {
    if (levels.indexOf(level) < least) return;
    const time = new Date(deps.wallMs()).toISOString();
    deps.write(JSON.stringify(redact({ time, level, event, ...base, ...fields })));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(deps, { ...options, fields: { ...base, ...fields } }),
  };
}

/** A log that says nothing: for tests that look at outcomes only. */
export function createSilentLog(): Log {
  return createLog({ write: () => {}, wallMs: () => 0 }, { level: "error" });
}

const secretField = /token|secret|password|authorization|private_?key|jit_?config|kubeconfig|pem$/i;
// Shapes of credentials: GitHub tokens, JWTs, bearer headers, PEM blocks, a URL's user info and query.
const secretText: readonly [RegExp, string][] = [
  [/\b(gh[pousr]_|github_pat_)[A-Za-z0-9_]+/g, "$1***"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "***jwt***"],
  [/\b(Bearer|Basic|RemoteAuth)\s+[^\s"',]+/gi, "$1 ***"],
  [/-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g, "***pem***"],
  [/(https?:\/\/)[^\s/@"]+@/g, "$1***@"],
  [/(https?:\/\/[^\s"?]+)\?[^\s"]+/g, "$1?***"],
];

/** Text without anything that has the shape of a credential. */
export function redactText(text: string): string {
  return secretText.reduce((out, [shape, by]) => out.replace(shape, by), text);
}

/** A copy of `value` that is safe to write down: secret fields and secret shapes replaced by `***`. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return describeError(value);
  if (value === null || typeof value !== "object") return value;
  if (depth > 6) return "…";
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      secretField.test(key) && typeof item === "string" ? "***" : redact(item, depth + 1),
    ]),
  );
}

/** An error as one line, with its causes, redacted. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return redactText(String(error));
  const cause = error.cause === undefined ? "" : `: ${describeError(error.cause)}`;
  return redactText(`${error.name}: ${error.message}`) + cause;
}
