// Why: "no answer came" is one kind of failure whatever broke underneath. Callers decide by `code`;
// the message names the origin only, since paths and queries may carry secrets.

/** No answer, or only part of one: refused, reset, unreachable, bad certificate, a proxy that said no. */
export class TransportError extends Error {
  override name = "TransportError";
  /** Node's or OpenSSL's code (ECONNREFUSED, DEPTH_ZERO_SELF_SIGNED_CERT …) or one of ours. */
  readonly code: string;
  constructor(what: string, code: string, options?: ErrorOptions) {
    super(what, options);
    this.code = code;
  }
}

/** `cause` as a TransportError that says what was attempted; one that is already stays as it is. */
export function transportError(what: string, cause: unknown): TransportError {
  if (cause instanceof TransportError) return cause;
  const code = codeOf(cause) ?? "UNKNOWN";
  return new TransportError(`${what}: ${code}`, code, { cause });
}

/** The `code` of a Node error, also of the first inner error of "all addresses failed". */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}
