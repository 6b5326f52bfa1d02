// Why: errors quote what failed, and objects carry what they were given; both may hold credentials. What is
// written down passes through here. Secrets are typed and kept apart elsewhere; this is the second net.

// Names of fields and of `name: value` or `name=value` pairs whose value nobody should read.
const secretName =
  "token|secret|password|passwd|authorization|private_?key|jit_?config|kubeconfig|credential|cookie|pem";
const secretField = new RegExp(secretName, "i");

// Shapes of credentials: GitHub's and EKS's tokens, JWTs, JIT configs (base64 of JSON), auth headers, PEM
// blocks (also cut off), a URL's user info and query, and pairs in quoted JSON, headers and queries.
const secretText: readonly [RegExp, string][] = [
  [/-----BEGIN [^-]+-----[\s\S]*?(?:-----END [^-]+-----|$)/g, "***pem***"],
  [/\b(gh[pousr]_|github_pat_)[A-Za-z0-9_]+/g, "$1***"],
  [/\bk8s-aws-v1\.[\w-]+/g, "***eks***"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "***jwt***"],
  [/\beyJ[A-Za-z0-9+/_-]{16,}=*/g, "***base64***"],
  [/\b(Bearer|Basic|RemoteAuth)\s+[^\s"',]+/gi, "$1 ***"],
  [/(https?:\/\/)[^\s/@"]+@/g, "$1***@"],
  [/(https?:\/\/[^\s"?]+)\?[^\s"]+/g, "$1?***"],
  // In quoted JSON (also quoted once more) any value; bare ones only when they are long enough to be one,
  // so that "githubConfigSecret: must not be empty" stays readable.
  [quoted(), "$1***"],
  [bare(secretName, 12), "$1***"],
  [bare("password|passwd", 1), "$1***"],
];

const textMax = 8_192;
const depthMax = 6;

function quoted(): RegExp {
  const name = `(?:${secretName})[\\w-]{0,20}`;
  return new RegExp(`(${name}\\\\?["']\\s*:\\s*\\\\?["'])[^"'\\\\]+`, "gi");
}

function bare(names: string, least: number): RegExp {
  const scheme = "(?!(?:Bearer|Basic|RemoteAuth)\\s)";
  const value = `[^\\s"',;&}\\\\]{${least},}`;
  return new RegExp(`((?:${names})[\\w-]{0,20}\\s*[:=]\\s*)${scheme}${value}`, "gi");
}

/** Text without anything that has the shape of a credential, and not longer than a log line should be. */
export function redactText(text: string): string {
  const cut =
    text.length > textMax ? `${text.slice(0, textMax)}… (${text.length} characters)` : text;
  return secretText.reduce((out, [shape, by]) => out.replace(shape, by), cut);
}

/** A copy of `value` that is safe to write down: secret fields and secret shapes replaced by `***`. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return describeError(value);
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (depth > depthMax) return "…";
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      redactText(key),
      secretField.test(key) ? hide(item) : redact(item, depth + 1),
    ]),
  );
}

/** Under a secret name only what cannot be one is shown: how many, whether, nothing. */
function hide(value: unknown): unknown {
  return value === null || ["number", "boolean", "undefined"].includes(typeof value)
    ? value
    : "***";
}

/** An error as one line, with its causes, redacted. A cause that says what was said already is left out. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let next = error;
  for (let depth = 0; depth <= depthMax && (depth === 0 || next !== undefined); depth++) {
    if (!(next instanceof Error)) {
      parts.push(redactText(String(next)));
      break;
    }
    const { name, message, cause } = next;
    const words = redactText(message);
    const isSaid = words !== "" && parts.some((part) => part.includes(words));
    // The name apart from the message: "KubeconfigRefused: text" is no kubeconfig that must be hidden.
    if (!isSaid) parts.push(`${name}: ${words}`);
    next = cause;
  }
  return parts.join(": ");
}
