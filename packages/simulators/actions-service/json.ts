// Why: runnerRequestId is an int64 that a double cannot hold. Digits go out and come in unchanged
// here, and nowhere is a number of ours read as a double by accident.

// TypeScript's library does not know these two yet (ECMAScript "JSON.parse source text access").
const exactJson = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
};

/** JSON in which each bigint is a number with all its digits. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "bigint" ? exactJson.rawJSON(item.toString()) : item,
  );
}

/** Parsed JSON in which whole numbers beyond 2^53 - 1 are bigints. Throws SyntaxError. */
export function readJson(text: string): unknown {
  return exactJson.parse(text, (_key, value, context) =>
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    /^-?\d+$/.test(context.source ?? "")
      ? BigInt(context.source ?? 0)
      : value,
  );
}

/** The value as an object's fields, or nothing. */
export function asFields(value: unknown): Record<string, unknown> {
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  // Any object that JSON.parse made has string keys and unknown values.
  return isObject ? (value as Record<string, unknown>) : {};
}
