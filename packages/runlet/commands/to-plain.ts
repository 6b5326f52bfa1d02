// Why: names of jobs are written by whoever writes a workflow; nothing in them may steer the terminal of who reads them.

const lengthMax = 1_000;

/** One line without control or format characters, of bounded length. */
export function toPlain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?").slice(0, lengthMax);
}
