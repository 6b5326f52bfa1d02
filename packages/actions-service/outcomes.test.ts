// Why: every row of the outcome tables, seen from outside: what the caller gets for each call and each
// thing that can come back, and how often the server was asked. The expectations below were written from
// the protocol, not from the table.
import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import type { ActionsServiceDeps } from "./client.ts";
import { type Arrival, type Call, type Gives, outcomes, type Row } from "./outcomes.ts";
import { adminToken, type Answer, type Bench, brokenBy, createBench } from "./scripted-server.ts";
import type { FailureReason, Outcome } from "./service.ts";

/**
 * Gives: B body, D done, N nothing, A absent, Y busy. Fails: the letters of `reasons`; "+" tried again,
 * "^" tried once more with a new admin connection; "-" cannot come (this call's success looks so).
 */
const expected = `
                    IT RT RR FG LS FS FI CS US DS SC SR SD PO AK AC LA JI RN RI RM
expected            B  B  B  B  B  B  B  B  B  D  B  B  D  B  D  B  B  B  B  B  D
empty               u  u  u  u  u  u  N  u  u  -  u  u  -  N  -  u  u  u  u  N  -
unreadable          u  u  u  u  u  u  u  u  u  -  u  u  -  u  -  u  u  u  u  u  -
accepted-202        r  r  -  r  r  r  r  r  r  r  r  r  r  N  r  r  r  r  r  r  r
no-content-204      r  r  -  r  r  r  r  r  r  -  r  r  -  N  -  r  N  r  r  r  -
other-2xx           r  r  -  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
redirect            r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
bad-request-400     r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
unauthorized-401    U  U  U+ U^ U^ U^ U^ U^ U^ U^ U^ U^ U^ q  q  q  U^ U^ U^ U^ U^
forbidden-403       U  U  U+ U^ U^ U^ U^ U^ U^ U^ U^ U^ U^ g  g  g  U^ U^ U^ U^ U^
not-found-404       U  U  U  r  r  r  N  r  s  A  s  g  A  g  A  a  a  s  r  N  A
conflict-409        r  r  r  r  r  r  r  x  x  r  c  c  r  g  r  r  r  e  r  r  r
limited             l+ l+ l+ l+ l+ l+ l+ l+ l+ l+ l+ l+ l+ l  l+ l+ l+ l+ l+ l+ l+
other-4xx           r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
unavailable-503     v+ v+ v+ v+ v+ v+ v+ v+ v+ v+ v+ v+ v+ v  v+ v+ v+ v+ v+ v+ v+
not-implemented-501 v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v
other-5xx           v+ v+ v+ v+ v+ v+ v+ v  v+ v+ v  v+ v+ v  v+ v  v+ v  v+ v+ v+
session-conflict    c  c  c  c  c  c  c  c  c  c  c  c  c  c  c  c  c  c  c  c  c
session-expired     g  g  g  g  g  g  g  g  g  g  g  g  A  g  g  g  g  g  g  g  g
session-unknown     g  g  g  g  g  g  g  g  g  g  g  g  A  g  g  g  g  g  g  g  g
scale-set-unknown   s  s  s  s  s  s  N  s  s  A  s  s  A  s  s  s  s  s  s  s  s
scale-set-exists    x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x
runner-exists       e  e  e  e  e  e  e  e  e  e  e  e  e  e  e  e  e  e  e  e  e
runner-unknown      r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  N  A
job-running         r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  Y
not-connected       n+ n+ n+ n+ n+ n+ n+ n+ n+ n+ n+ n+ n+ n  n+ n+ n+ n+ n+ n+ n+
connection-broken   n+ n+ n+ n+ n+ n+ n+ n  n+ n+ n  n+ n+ n  n+ n  n+ n  n+ n+ n+
untrusted           n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
timed-out           t  t  t  t  t  t  t  t  t  t  t  t  t  t  t  t  t  t  t  t  t
`;

const reasons: Record<string, FailureReason> = {
  u: "unreadable",
  r: "refused",
  U: "unauthorized",
  q: "queue-token-expired",
  g: "session-gone",
  c: "session-conflict",
  s: "scale-set-gone",
  x: "scale-set-exists",
  e: "runner-exists",
  a: "route-absent",
  l: "rate-limited",
  v: "server-error",
  n: "unreachable",
  t: "timed-out",
};

const queue = { queueUrl: "https://ghes.test/q?s=1", queueToken: "mqt-1" };
const set = { id: 7, name: "s", runnerGroupId: 1 };
const session = {
  sessionId: "3f0c",
  messageQueueUrl: queue.queueUrl,
  messageQueueAccessToken: "mqt-1",
};
const runner = { id: 42, name: "r", runnerScaleSetId: 7 };
const list = (item: unknown) => ({ count: 1, value: [item] });

interface Case {
  code: string;
  /** How the call is made, and what its success looks like. */
  make: (bench: Bench) => Promise<Outcome<unknown>>;
  success: Answer;
  /** What D, N and B give. */
  done?: unknown;
  nothing?: unknown;
  /** Its requests end like this; undefined: it is asked at service or queue. */
  auth?: string;
}

const byId = ({ service }: Bench) => service.findScaleSetById(7);
const cases: Record<Call, Case> = {
  installationToken: {
    code: "IT",
    make: byId,
    success: { status: 201, body: { token: "ghs_1", expires_at: "2030-01-01T00:00:00Z" } },
    auth: "/access_tokens",
  },
  registrationToken: {
    code: "RT",
    make: byId,
    success: { status: 201, body: { token: "AABBCC" } },
    auth: "/registration-token",
  },
  runnerRegistration: {
    code: "RR",
    make: byId,
    success: { status: 200, body: { url: "https://ghes.test/t/", token: adminToken(2e12) } },
    auth: "/runner-registration",
  },
  findRunnerGroup: {
    code: "FG",
    make: ({ service }) => service.findRunnerGroup("g"),
    success: { status: 200, body: list({ id: 3, name: "g" }) },
  },
  listScaleSets: {
    code: "LS",
    make: ({ service }) => service.listScaleSets(),
    success: { status: 200, body: list(set) },
  },
  findScaleSet: {
    code: "FS",
    make: ({ service }) => service.findScaleSet({ name: "s", runnerGroupId: 1 }),
    success: { status: 200, body: list(set) },
  },
  findScaleSetById: { code: "FI", make: byId, success: { status: 200, body: set } },
  createScaleSet: {
    code: "CS",
    make: ({ service }) => service.createScaleSet({ name: "s", runnerGroupId: 1, labels: [] }),
    success: { status: 200, body: set },
  },
  updateScaleSet: {
    code: "US",
    make: ({ service }) => service.updateScaleSet(7, { name: "t" }),
    success: { status: 200, body: set },
  },
  deleteScaleSet: {
    code: "DS",
    make: ({ service }) => service.deleteScaleSet(7),
    success: { status: 204 },
    done: "deleted",
  },
  createSession: {
    code: "SC",
    make: ({ service }) => service.createSession(7, "host"),
    success: { status: 200, body: session },
  },
  refreshSession: {
    code: "SR",
    make: ({ service }) => service.refreshSession(7, "3f0c"),
    success: { status: 200, body: session },
  },
  deleteSession: {
    code: "SD",
    make: ({ service }) => service.deleteSession(7, "3f0c"),
    success: { status: 204 },
    done: "deleted",
  },
  poll: {
    code: "PO",
    make: ({ service }) => service.poll(queue, { lastMessageId: 1, maxCapacity: 1 }),
    success: { status: 200, body: { messageId: 2, messageType: "RunnerScaleSetJobMessages" } },
  },
  acknowledge: {
    code: "AK",
    make: ({ service }) => service.acknowledge(queue, 2),
    success: { status: 204 },
    done: "deleted",
  },
  acquireJobs: {
    code: "AC",
    make: ({ service }) => service.acquireJobs(7, "mqt-1", ["101"]),
    success: { status: 200, body: list(101) },
  },
  listAcquirableJobs: {
    code: "LA",
    make: ({ service }) => service.listAcquirableJobs(7),
    success: { status: 200, body: list({ runnerRequestId: 101 }) },
    nothing: [],
  },
  generateJitConfig: {
    code: "JI",
    make: ({ service }) => service.generateJitConfig(7, { name: "r", workFolder: "" }),
    success: { status: 200, body: { runner, encodedJITConfig: "eA==" } },
  },
  findRunnerByName: {
    code: "RN",
    make: ({ service }) => service.findRunnerByName("r"),
    success: { status: 200, body: list(runner) },
  },
  findRunner: {
    code: "RI",
    make: ({ service }) => service.findRunner(42),
    success: { status: 200, body: runner },
  },
  removeRunner: {
    code: "RM",
    make: ({ service }) => service.removeRunner(42),
    success: { status: 204 },
    done: "removed",
  },
};

const exception = (status: number, name: string): Answer => ({
  status,
  body: { typeName: `GitHub.Some.WebApi.${name}, GitHub.Some.WebApi`, message: "in its words" },
});

/** What the server does, for each arrival. */
const arrivals: Record<Arrival, (success: Answer) => Answer> = {
  expected: (success) => success,
  empty: ({ status }) => ({ status, body: "" }),
  unreadable: ({ status }) => ({ status, body: '{"id": "half' }),
  "accepted-202": () => ({ status: 202 }),
  "no-content-204": () => ({ status: 204 }),
  "other-2xx": () => ({ status: 206 }),
  redirect: () => ({ status: 302, headers: { Location: "https://elsewhere.test/" } }),
  "bad-request-400": () => ({ status: 400, body: "no", headers: { "Content-Type": "text/plain" } }),
  "unauthorized-401": () => ({ status: 401, body: { message: "bad creds" } }),
  "forbidden-403": () => ({ status: 403 }),
  "not-found-404": () => ({ status: 404, body: "404 page not found" }),
  "conflict-409": () => ({ status: 409 }),
  limited: () => ({ status: 429 }),
  "other-4xx": () => ({ status: 418 }),
  "unavailable-503": () => ({ status: 503 }),
  "not-implemented-501": () => ({ status: 501 }),
  "other-5xx": () => ({ status: 500 }),
  "session-conflict": () => exception(409, "RunnerScaleSetSessionConflictException"),
  "session-expired": () => exception(400, "RunnerScaleSetSessionExpiredException"),
  "session-unknown": () => exception(404, "RunnerAdminException"),
  "scale-set-unknown": () => exception(404, "RunnerScaleSetNotFoundException"),
  "scale-set-exists": () => exception(400, "RunnerScaleSetExistsException"),
  "runner-exists": () => exception(409, "TaskAgentExistsException"),
  "runner-unknown": () => exception(404, "TaskAgentNotFoundException"),
  "job-running": () => exception(400, "TaskAgentJobStillRunningException"),
  "not-connected": () => ({ status: 0, breaks: brokenBy("ECONNREFUSED") }),
  "connection-broken": () => ({ status: 0, breaks: brokenBy("ECONNRESET") }),
  untrusted: () => ({ status: 0, breaks: brokenBy("SELF_SIGNED_CERT_IN_CHAIN") }),
  "timed-out": () => ({ status: 0, hangs: true }),
};

let privateKey = "";
beforeAll(() => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
});

function credentialFor(call: Call): Partial<ActionsServiceDeps> {
  if (call !== "installationToken") return {};
  const app = { kind: "app" as const, appId: "Iv23abc", installationId: 5, privateKey };
  return { credential: () => Promise.resolve(app) };
}

/** A bench whose admin connection has been used and is old enough to be replaced. */
async function createUsedBench(call: Call, one: Case): Promise<Bench> {
  const bench = createBench(credentialFor(call));
  if (one.auth) {
    bench.server.always({ status: 200, body: set });
    return bench;
  }
  bench.server.next({ status: 200, body: list({ id: 9, name: "used" }) });
  await bench.run(bench.service.findRunnerGroup("used"));
  await bench.clock.runFor(61_000);
  bench.server.requests.length = 0;
  return bench;
}

/** Puts the answer where the call will meet it. */
function scriptAnswer({ server }: Bench, one: Case, answer: Answer): void {
  if (!one.auth) return server.always(answer);
  const before = ["/access_tokens", "/registration-token", "/runner-registration"];
  const token = { status: 201, body: { token: "AABBCC" } };
  server.auth.always(({ url }) => {
    if (one.auth && url.endsWith(one.auth)) return answer;
    const step = before.find((end) => url.endsWith(end));
    return step === "/runner-registration" ? cases.runnerRegistration.success : token;
  });
}

function readExpected(): { call: Call; arrival: Arrival; cell: string }[] {
  const [head = "", ...lines] = expected.split("\n").filter((line) => line.trim() !== "");
  const codes = head.trim().split(/\s+/);
  const calls = Object.keys(cases) as Call[];
  return lines.flatMap((line) => {
    const [arrival = "", ...cells] = line.trim().split(/\s+/);
    return cells.map((cell, at) => {
      const call = calls.find((name) => cases[name].code === codes[at]);
      if (!call || !(arrival in arrivals)) throw new Error(`what is ${arrival}/${codes[at]}?`);
      return { call, arrival: arrival as Arrival, cell };
    });
  });
}

const rows = readExpected();

test("the expectations cover every call and every arrival", () => {
  const seen = new Set(rows.map(({ call, arrival }) => `${call}/${arrival}`));
  const all = Object.entries(outcomes).flatMap(([call, table]) =>
    Object.keys(table).map((arrival) => `${call}/${arrival}`),
  );
  expect([...seen].toSorted()).toEqual(all.toSorted());
  expect(rows).toHaveLength(all.length);
});

describe.each(Object.keys(cases) as Call[])("%s", (call) => {
  const one = cases[call];
  const own = rows.filter((row) => row.call === call && row.cell !== "-");

  test.each(own)("$arrival → $cell", async ({ arrival, cell }) => {
    const bench = await createUsedBench(call, one);
    const { server, run } = bench;
    scriptAnswer(bench, one, arrivals[arrival](one.success));
    const outcome = await run(one.make(bench));
    const [letter = "", how] = cell;
    const given: Record<string, unknown> = {
      B: expect.anything(),
      D: one.done,
      N: one.nothing,
      A: "absent",
      Y: "busy",
    };
    if (letter in given) expect(outcome).toEqual({ ok: true, value: given[letter] });
    else expect(outcome).toMatchObject({ ok: false, failure: { reason: reasons[letter] } });

    const end = one.auth;
    const attempts = server.requests.filter(({ url }) =>
      end ? url.endsWith(end) : !/registration(-token)?$/.test(url),
    ).length;
    const registrations = server.requests.filter(({ url }) =>
      url.endsWith("/runner-registration"),
    ).length;
    if (how === "+") expect(attempts).toBeGreaterThan(1);
    else expect(attempts).toBe(how === "^" ? 2 : 1);
    if (!end) expect(registrations).toBe(how === "^" ? 1 : 0);
  });
});

test("an outcome without a row, and a word without a meaning, do not compile", () => {
  const { "timed-out": left, ...rest } = outcomes.poll;
  // @ts-expect-error one row is missing
  const incomplete: Record<Arrival, Row> = rest;
  expect(Object.keys(incomplete)).toHaveLength(Object.keys(outcomes.poll).length - 1);
  expect(left).toEqual({ fails: "timed-out" });
  // @ts-expect-error what "busy" means is missing
  const words: Record<Gives<"removeRunner">, string> = { done: "removed", absent: "absent" };
  expect(words).not.toHaveProperty("busy");
});

test("a 403 that says it is a rate limit is one, with its reset as the wait", async () => {
  const bench = createBench();
  const reset = String(Math.floor(bench.clock.wallMs() / 1000) + 120);
  const headers = { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset };
  bench.server.auth.always({ status: 403, body: { message: "API rate limit exceeded" }, headers });
  const outcome = await bench.run(byId(bench));
  const failure = { reason: "rate-limited", status: 403, retryAfterMs: 120_000 };
  expect(outcome).toMatchObject({ ok: false, failure });
  expect(bench.server.requests).toHaveLength(1);
});

test("an exception counts whatever its status: busy at 409 and at 500 is busy", async () => {
  for (const status of [400, 409, 500]) {
    const bench = createBench();
    bench.server.next(exception(status, "JobStillRunningException"));
    const removed = await bench.run(bench.service.removeRunner(42));
    expect(removed).toEqual({ ok: true, value: "busy" });
  }
});

test("the 404 of a JIT config for a set, and of a route, are told apart by what they say", async () => {
  const bench = createBench();
  bench.server.next(exception(404, "RunnerScaleSetNotFoundException"), { status: 404 });
  const acquire = () => bench.run(bench.service.acquireJobs(7, "q", ["1"]));
  expect(await acquire()).toMatchObject({ ok: false, failure: { reason: "scale-set-gone" } });
  expect(await acquire()).toMatchObject({ ok: false, failure: { reason: "route-absent" } });
});
