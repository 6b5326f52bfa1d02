// Why: a case reads a watch event by event, or to its end while time passes.
import type { Fetch } from "@runlet/runtime/fetch";
import type { ApiObject, JsonObject } from "@runlet/simulators/kube-api/api-object";
import { parseJson } from "@runlet/simulators/kube-api/json";

export interface TestEvent {
  type: string;
  object: ApiObject & JsonObject;
}

export interface TestWatch {
  status: number;
  /** The next event; undefined at the end of the stream. */
  next(): Promise<TestEvent | undefined>;
  /** Every event until the stream ends, while `ms` pass. */
  rest(ms: number): Promise<TestEvent[]>;
  close(): void;
}

export async function openTestWatch(
  fetch: Fetch,
  url: string,
  headers: Record<string, string>,
  pass: (ms: number) => Promise<void>,
): Promise<TestWatch> {
  const end = new AbortController();
  const response = await fetch(url, { headers, signal: end.signal });
  const reader = response.body?.getReader();
  if (!reader) throw new Error("a watch without a body");
  const decoder = new TextDecoder();
  let text = "";

  async function next(): Promise<TestEvent | undefined> {
    for (;;) {
      const at = text.indexOf("\n");
      if (at >= 0) {
        const line = text.slice(0, at);
        text = text.slice(at + 1);
        // The one shape of a watch's line; cases assert on what is in it.
        if (line.trim() !== "") return parseJson(line) as TestEvent;
        continue;
      }
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return undefined;
      text += decoder.decode(chunk.value, { stream: true });
    }
  }

  return {
    status: response.status,
    next,
    async rest(ms) {
      const events: TestEvent[] = [];
      const reading = (async () => {
        for (let event = await next(); event; event = await next()) events.push(event);
      })();
      await Promise.all([reading, pass(ms)]);
      return events;
    },
    close: () => end.abort(new Error("the case has seen enough")),
  };
}
