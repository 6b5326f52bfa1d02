// Why: a log line is a named fact with fields, one a decision. Lines are JSON (CloudWatch parses them),
// and nothing that looks like a secret leaves here (redact.ts).
import { redact } from "./redact.ts";

export { describeError, redact, redactText } from "./redact.ts";

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
