// Why: status.jobRequestId has 64 bits. JSON.parse would round it, so whole numbers beyond 2^53 are kept
// as bigint inside the simulator and leave it digit for digit.

/** `JSON.parse`, but whole numbers that a double cannot hold become bigint. */
export function parseJson(text: string): unknown {
  // Only a text with 16 digits in a row can hold such a number; the reviver costs a lot.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const revive = (_key: string, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value !== "number" || source === undefined) return value;
    return Number.isSafeInteger(value) || !/^-?\d+$/.test(source) ? value : BigInt(source);
  };
  return JSON.parse(text, revive);
}

// TypeScript's library does not know JSON.rawJSON yet; Node has it since version 21.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

/** `JSON.stringify` that writes bigint as digits. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify(value, (_key, item: unknown) =>
      typeof item === "bigint" ? rawJSON(item.toString()) : item,
    );
  }
}
