// Why: between client and service stands a real network. The same client and the same simulator, with
// sockets between them: what in-process calls cannot show (headers on the wire, aborts, a dead server).
import { afterEach, expect, test } from "vitest";
import { createActionsService } from "@runlet/actions-service/client";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { modes, reasonOf, valueOf } from "./service-bed.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function createSocketBed(mode: (typeof modes)[number]) {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const options = { mode, pat: "ghp_x", knobs: { holdMs: 100 } };
  const simulator = createActionsServiceSimulator({ clock, random }, options);
  const server = await listen(simulator.app, 0);
  const fetch = createHttpFetch({ clock });
  closers.push(
    () => simulator.stop(),
    () => server.close(),
    () => fetch.close(),
  );
  const service = createActionsService({
    fetch,
    clock,
    random,
    log: createSilentLog(),
    configUrl: `${server.url}/my-org`,
    credential: () => Promise.resolve({ kind: "pat", token: "ghp_x" }),
    system: { name: "runlet", version: "0.1.0", subsystem: "contract" },
    limitMs: 2_000,
  });
  return { simulator, server, service };
}

test.each(modes)("in %s mode a session is opened, polled, refreshed and closed", async (mode) => {
  const { service, simulator } = await createSocketBed(mode);
  const order = { name: "naïve set & more", runnerGroupId: 1, labels: [] };
  const { id, name } = valueOf(await service.createScaleSet(order));
  expect(name).toBe("naïve set & more");
  expect(valueOf(await service.findScaleSet(order))).toMatchObject({ id });
  const session = valueOf(await service.createSession(id, "host-1"));
  const at = { lastMessageId: 0, maxCapacity: 5 };
  expect(valueOf(await service.poll(session, at))).toBeUndefined();
  simulator.control.queueJobs({ labels: [name], repository: "my-org/repo" });
  const message = valueOf(await service.poll(session, at));
  expect(message?.news).toHaveLength(1);
  expect(valueOf(await service.acknowledge(session, message?.messageId ?? 0))).toBe("deleted");
  const fresh = valueOf(await service.refreshSession(id, session.sessionId));
  expect(reasonOf(await service.poll(session, at))).toBe("queue-token-expired");
  expect(valueOf(await service.deleteSession(id, fresh.sessionId))).toBe("deleted");
  expect(valueOf(await service.deleteScaleSet(id))).toBe("deleted");
});

test.each(modes)(
  "in %s mode an abort ends an open poll at once and loses nothing",
  async (mode) => {
    const { service, simulator } = await createSocketBed(mode);
    const order = { name: "s", runnerGroupId: 1, labels: [] };
    const { id } = valueOf(await service.createScaleSet(order));
    const session = valueOf(await service.createSession(id, "host-1"));
    simulator.control.setKnobs({ holdMs: 60_000 });
    const stop = new AbortController();
    const at = { lastMessageId: 0, maxCapacity: 5 };
    const open = service.poll(session, at, { signal: stop.signal });
    stop.abort(new Error("handing over"));
    await expect(open).rejects.toThrow("handing over");
    simulator.control.queueJobs({ scaleSet: "s", repository: "my-org/repo" });
    expect(valueOf(await service.poll(session, at))?.news).toHaveLength(1);
  },
);

test("a server that is gone is unreachable", async () => {
  const { service, server } = await createSocketBed("acquire");
  valueOf(await service.findRunnerGroup("Default"));
  await server.close();
  const failed = await service.findRunnerGroup("Default", { limitMs: 200 });
  expect(reasonOf(failed)).toBe("unreachable");
});
