// Why: a watch is a body of JSON lines that arrive in whatever pieces the network makes of them; a line
// may be cut anywhere, even inside a character, and no server may fill our memory with one.

/** Thrown when a line is longer than the limit. */
export class LineTooLong extends Error {
  override name = "LineTooLong";
}

const newline = 0x0a;

/**
 * The lines of `body` without their ends, empty ones left out; a last line without an end was cut off and
 * is dropped. `limitBytes` bounds one line. Leaving the loop early cancels the body.
 */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  // A cancelled reader ends its open read, whether or not the server heeds the request's signal.
  const cancel = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) return;
    let started: Uint8Array[] = [];
    let startedBytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      let from = 0;
      for (let at = value.indexOf(newline); at !== -1; at = value.indexOf(newline, from)) {
        started.push(value.subarray(from, at));
        from = at + 1;
        yield* nonEmpty(decode(started, limitBytes));
        started = [];
        startedBytes = 0;
      }
      if (from === value.length) continue;
      started.push(value.subarray(from));
      startedBytes += value.length - from;
      if (startedBytes > limitBytes) throw tooLong(limitBytes);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

function decode(parts: Uint8Array[], limitBytes: number): string {
  const [only] = parts;
  const whole = parts.length === 1 && only ? only : Buffer.concat(parts);
  if (whole.length > limitBytes) throw tooLong(limitBytes);
  return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength).toString("utf8");
}

function nonEmpty(line: string): string[] {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text === "" ? [] : [text];
}

function tooLong(limitBytes: number): LineTooLong {
  return new LineTooLong(`a line is longer than ${limitBytes} bytes`);
}
