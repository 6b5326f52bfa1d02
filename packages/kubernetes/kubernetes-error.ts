// Why: a caller decides by status and reason; everything else an API server or a broken connection can
// answer is folded into this one error. (apimachinery's metav1.Status names the reasons.)

/** An answer that is not 2xx, or none at all (status 0). Callers decide by status and reason. */
export class KubernetesError extends Error {
  override name = "KubernetesError";
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /**
   * `Status.reason`: NotFound, AlreadyExists, Conflict, Invalid, Expired …; for status 0 TimedOut or
   * Unreachable; Unreadable for a success whose body is no JSON.
   */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    answer: { status: number; reason: string; retryAfterMs?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = answer.status;
    this.reason = answer.reason;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

// A server that asks for longer is asked again anyway: nothing may wait for ever on a wrong header.
const longestRetryAfterMs = 5 * 60_000;
const longestMessage = 1_000;

/** The error for an answer with this status; `text` is its body, a Status object or anything else. */
export function errorOfAnswer(
  attempted: string,
  answer: { status: number; retryAfter: string | null },
  text: string,
): KubernetesError {
  const said = readStatus(text);
  return new KubernetesError(
    `${attempted}: ${answer.status} ${said.message.slice(0, longestMessage)}`,
    {
      status: answer.status,
      reason: said.reason ?? reasonOfStatus(answer.status),
      retryAfterMs: retryAfterMs(answer.retryAfter) ?? said.retryAfterMs,
    },
  );
}

/** The error that a watch's ERROR event carries in its object. */
export function errorOfStatusObject(attempted: string, object: unknown): KubernetesError {
  const said = statusFields(object);
  const status = said.code ?? 500;
  return new KubernetesError(`${attempted}: ${status} ${said.message.slice(0, longestMessage)}`, {
    status,
    reason: said.reason ?? reasonOfStatus(status),
    retryAfterMs: said.retryAfterMs,
  });
}

interface StatusFields {
  code: number | undefined;
  reason: string | undefined;
  message: string;
  retryAfterMs: number | undefined;
}

function readStatus(text: string): StatusFields {
  try {
    return statusFields(JSON.parse(text));
  } catch {
    return { code: undefined, reason: undefined, message: text, retryAfterMs: undefined };
  }
}

function statusFields(value: unknown): StatusFields {
  // Only read through typeof checks below.
  const status = (typeof value === "object" && value !== null ? value : {}) as {
    code?: unknown;
    reason?: unknown;
    message?: unknown;
    details?: { retryAfterSeconds?: unknown } | null;
  };
  const seconds = status.details?.retryAfterSeconds;
  return {
    code: typeof status.code === "number" ? status.code : undefined,
    reason: typeof status.reason === "string" && status.reason ? status.reason : undefined,
    message: typeof status.message === "string" ? status.message : "",
    retryAfterMs: typeof seconds === "number" && seconds > 0 ? cap(seconds * 1000) : undefined,
  };
}

/** Seconds only: API servers send no dates here, and a date would compare two clocks. */
function retryAfterMs(header: string | null): number | undefined {
  return header && /^\d{1,9}$/.test(header.trim()) ? cap(Number(header) * 1000) : undefined;
}

function cap(ms: number): number {
  return Math.min(ms, longestRetryAfterMs);
}

// For answers of proxies and load balancers, which send no Status object.
const reasons: { [status: number]: string } = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Expired",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function reasonOfStatus(status: number): string {
  return reasons[status] ?? (status >= 500 ? "InternalError" : "Unknown");
}
