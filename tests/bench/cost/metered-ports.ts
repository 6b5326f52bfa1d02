// Why: what the functions call outside of themselves takes time and money there. These are the ports of the cloud over
// simulators, each call with its price noted and the time that it takes on the way.
import type { AwsCall } from "@runlet/coordination/aws-json";
import type { KeyWrapping } from "@runlet/coordination/data-keys";
import type { Secrets } from "@runlet/coordination/secrets";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Random } from "@runlet/runtime/random";
import type { Meter } from "./meter.ts";

/** Milliseconds that an answer takes; only short invocations (webhook, sweep) notice. */
export const roundTripMs = { aws: 5, github: 80, cluster: 40 } as const;

interface Deps {
  clock: Clock;
  meter: Meter;
}

/** `call` at AWS's distance. */
export function createDistantCall({ clock }: Pick<Deps, "clock">, call: AwsCall): AwsCall {
  return async (operation, input) => {
    await clock.sleep(roundTripMs.aws);
    return call(operation, input);
  };
}

/** Secrets Manager with these secrets. */
export function createMeteredSecrets(
  { clock, meter }: Deps,
  texts: Readonly<Record<string, string>>,
): Secrets {
  return {
    async find(name) {
      meter.secretRead();
      await clock.sleep(roundTripMs.aws);
      return texts[name];
    },
  };
}

/** KMS, whose wrapped keys are as long as its own. */
export function createMeteredWrapping({ clock, meter }: Deps, random: Random): KeyWrapping {
  const keys = new Map<string, Uint8Array>();
  const use = async () => {
    meter.keyUsed();
    await clock.sleep(roundTripMs.aws);
  };
  return {
    async generate() {
      await use();
      const key = random.bytes(32);
      const wrapped = Buffer.from(random.bytes(184)).toString("base64");
      keys.set(wrapped, key);
      return { key, wrapped };
    },
    async unwrap(wrapped) {
      await use();
      const key = keys.get(wrapped);
      if (!key) throw new Error("a key that was never wrapped");
      return key;
    },
  };
}

/** A queue's token is so long at github.com, and it is in each poll and in each checkpoint; the simulator's is short. */
const queueTokenBytes = 1_100;
const mark = "~";
const pollHeader = "x-scalesetmaxcapacity";
/** Headers that our HTTP client adds, and TLS and TCP/IP around two packets. */
const overheadBytes = 200;

/** The way to GitHub and to clusters: counted, distant, and with tokens as long as real ones. */
export function createMeteredFetch(
  { clock, meter }: Deps,
  fetch: Fetch,
  serviceUrl: string,
): Fetch {
  return async (url, init = {}) => {
    const { method = "GET", headers = {}, body = "" } = init;
    const lines = Object.entries(headers).map(([name, text]) => `${name}: ${text}\r\n`);
    const head = `${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`;
    const isPoll = Object.keys(headers).some((name) => name.toLowerCase() === pollHeader);
    meter.sent(Buffer.byteLength(head) + Buffer.byteLength(body) + overheadBytes, isPoll);
    const isGithub = url.startsWith(serviceUrl);
    await clock.sleep(isGithub ? roundTripMs.github : roundTripMs.cluster, init.signal);
    if (!isGithub) return fetch(url, init);
    return lengthen(await fetch(url, { ...init, headers: shorten(headers) }));
  };
}

function shorten(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [name, text.split(mark, 1)[0] ?? ""]),
  );
}

async function lengthen(answer: Response): Promise<Response> {
  if (!answer.headers.get("content-type")?.includes("json")) return answer;
  const text = await answer.text();
  const longer = text.replace(
    /("messageQueueAccessToken":")([^"]+)"/,
    (_, name: string, token: string) =>
      `${name}${token}${mark.padEnd(Math.max(1, queueTokenBytes - token.length), mark)}"`,
  );
  return new Response(longer, { status: answer.status, headers: answer.headers });
}
