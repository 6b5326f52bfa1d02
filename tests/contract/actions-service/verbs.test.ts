// Why: every verb of the client against the simulator, in both generations of the service.
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeJitConfig } from "@runlet/simulators/actions-service/jit-config";
import { createServiceBed, modes, reasonOf, valueOf } from "./service-bed.ts";

describe.each(modes)("in %s mode", (mode) => {
  test("a group is found by its name, in any case of letters, or not at all", async () => {
    const { service, run } = createServiceBed({
      mode,
      knobs: { runnerGroups: ["Default", "big"] },
    });
    const find = async (name: string) => valueOf(await run(service.findRunnerGroup(name)));
    expect(await find("big")).toEqual({ id: 2, name: "big", isDefault: false });
    expect(await find("DEFAULT")).toEqual({ id: 1, name: "Default", isDefault: true });
    expect(await find("no such group")).toBeUndefined();
    expect(await find("")).toMatchObject({ id: 1 });
  });

  test("a scale set is made, found, changed and deleted", async () => {
    const { service, run, createSet } = createServiceBed({
      mode,
      knobs: { runnerGroups: ["Default", "big"] },
    });
    const find = async (name: string, runnerGroupId: number) =>
      valueOf(await run(service.findScaleSet({ name, runnerGroupId })));
    expect(await find("my set&x=1", 1)).toBeUndefined();
    const made = await createSet("my set&x=1", ["my set&x=1", "gpu"]);
    expect(made).toMatchObject({ name: "my set&x=1", labels: ["my set&x=1", "gpu"] });
    expect(made).toMatchObject({ runnerGroupId: 1, runnerGroupName: "Default" });
    expect(await find("my set&x=1", 1)).toEqual(made);
    expect(await find("my set&x=1", 2)).toBeUndefined();
    expect(valueOf(await run(service.findScaleSetById(made.id)))).toEqual(made);

    const moved = valueOf(await run(service.updateScaleSet(made.id, { runnerGroupId: 2 })));
    expect(moved).toMatchObject({ id: made.id, name: made.name, runnerGroupName: "big" });
    const renamed = valueOf(await run(service.updateScaleSet(made.id, { name: "other" })));
    expect(renamed).toMatchObject({ id: made.id, name: "other", runnerGroupId: 2 });
    expect(renamed.labels).toContain("gpu");

    expect(valueOf(await run(service.deleteScaleSet(made.id)))).toBe("deleted");
    expect(valueOf(await run(service.deleteScaleSet(made.id)))).toBe("absent");
    expect(valueOf(await run(service.findScaleSetById(made.id)))).toBeUndefined();
    expect(reasonOf(await run(service.updateScaleSet(made.id, { name: "x" })))).toBe(
      "scale-set-gone",
    );
  });

  test.each([400, 409])("a name that is taken is told by %i", async (duplicateScaleSetStatus) => {
    const { service, run, createSet } = createServiceBed({
      mode,
      knobs: { duplicateScaleSetStatus },
    });
    const { id } = await createSet("taken");
    const again = service.createScaleSet({ name: "TAKEN", runnerGroupId: 1, labels: [] });
    expect(reasonOf(await run(again))).toBe("scale-set-exists");
    const other = await createSet("other");
    expect(other.id).not.toBe(id);
    expect(reasonOf(await run(service.updateScaleSet(other.id, { name: "taken" })))).toBe(
      "scale-set-exists",
    );
  });

  test("a session is one a set, resumed by its id, and gone when it is closed", async () => {
    const { service, run, createSet, openSession } = createServiceBed({ mode });
    const { id } = await createSet();
    const session = await openSession(id);
    expect(session).toMatchObject({ scaleSetId: id, ownerName: "host-1" });
    expect(session.statistics).toMatchObject({ totalAssignedJobs: 0 });
    // The same owner does not get it a second time.
    expect(reasonOf(await run(service.createSession(id, "host-1")))).toBe("session-conflict");

    const refreshed = valueOf(await run(service.refreshSession(id, session.sessionId)));
    expect(refreshed.sessionId).toBe(session.sessionId);
    expect(refreshed.queueToken).not.toBe(session.queueToken);
    expect(valueOf(await run(service.deleteSession(id, session.sessionId)))).toBe("deleted");
    expect(valueOf(await run(service.deleteSession(id, session.sessionId)))).toBe("absent");
    expect(reasonOf(await run(service.refreshSession(id, session.sessionId)))).toBe("session-gone");
    await openSession(id);
  });

  test("a session that was left behind refuses its successor until it lapses", async () => {
    const { service, run, clock, createSet, openSession } = createServiceBed({ mode });
    const { id } = await createSet();
    await openSession(id);
    await clock.runFor(80_000);
    expect(reasonOf(await run(service.createSession(id, "host-2")))).toBe("session-conflict");
    await clock.runFor(15_000);
    expect(valueOf(await run(service.createSession(id, "host-2")))).toMatchObject({
      ownerName: "host-2",
    });
  });

  test("a set that is gone is told by every call that is about it", async () => {
    const { service, run, createSet, openSession, poll, control } = createServiceBed({ mode });
    const { id } = await createSet();
    const session = await openSession(id);
    const open = poll(session);
    control.deleteScaleSet("my-set");
    // The open poll learns that its session has ended; asking for another tells why.
    const told = ["scale-set-gone", "session-gone", "queue-token-expired"];
    expect(told).toContain(reasonOf(await open));
    expect(reasonOf(await run(service.createSession(id, "host-1")))).toBe("scale-set-gone");
    expect(reasonOf(await run(service.refreshSession(id, session.sessionId)))).toBe(
      "scale-set-gone",
    );
    expect(valueOf(await run(service.deleteSession(id, session.sessionId)))).toBe("absent");
    const jit = service.generateJitConfig(id, { name: "r", workFolder: "" });
    expect(reasonOf(await run(jit))).toBe("scale-set-gone");
    expect(reasonOf(await run(service.listAcquirableJobs(id)))).toBe("scale-set-gone");
  });

  test("a quiet poll is held and gives nothing; an evicted session is told", async () => {
    const { service, run, clock, createSet, openSession, poll, control } = createServiceBed({
      mode,
    });
    const { id } = await createSet();
    const session = await openSession(id);
    const before = clock.nowMs();
    expect(valueOf(await poll(session))).toBeUndefined();
    expect(clock.nowMs() - before).toBe(50_000);
    control.evictSession("my-set");
    expect(reasonOf(await poll(session))).toBe("queue-token-expired");
    expect(reasonOf(await run(service.refreshSession(id, session.sessionId)))).toBe("session-gone");
  });

  test("an expired queue token is replaced by a refresh", async () => {
    const { service, run, createSet, openSession, poll, control } = createServiceBed({ mode });
    const { id } = await createSet();
    const session = await openSession(id);
    control.expireQueueTokens();
    expect(reasonOf(await poll(session))).toBe("queue-token-expired");
    expect(reasonOf(await run(service.acknowledge(session, 1)))).toBe("queue-token-expired");
    const fresh = valueOf(await run(service.refreshSession(id, session.sessionId)));
    expect(valueOf(await poll(fresh))).toBeUndefined();
  });

  test("an expired admin token is replaced without the caller's knowing", async () => {
    const { service, run, clock, createSet, control, sent } = createServiceBed({ mode });
    const { id } = await createSet();
    await clock.runFor(5_000);
    control.expireAdminTokens();
    expect(valueOf(await run(service.findScaleSetById(id)))).toMatchObject({ id });
    await clock.runFor(3 * 3_600_000);
    expect(valueOf(await run(service.findScaleSetById(id)))).toMatchObject({ id });
    const registrations = sent.filter((request) => request.endsWith("/runner-registration"));
    expect(registrations).toHaveLength(3);
  });

  test("a runner is registered once by its name, found, and removed", async () => {
    const { service, run, createSet } = createServiceBed({ mode });
    const { id } = await createSet();
    const register = () => run(service.generateJitConfig(id, { name: "r-1", workFolder: "w" }));
    const { runner, encoded } = valueOf(await register());
    expect(runner).toMatchObject({ name: "r-1", scaleSetId: id });
    expect(decodeJitConfig(encoded)).toMatchObject({ runnerId: runner.id, runnerName: "r-1" });
    expect(reasonOf(await register())).toBe("runner-exists");
    expect(valueOf(await run(service.findRunnerByName("r-1")))).toEqual(runner);
    expect(valueOf(await run(service.findRunner(runner.id)))).toEqual(runner);
    expect(valueOf(await run(service.removeRunner(runner.id)))).toBe("removed");
    // The service says 204 for a runner that is not there, too.
    expect(["removed", "absent"]).toContain(valueOf(await run(service.removeRunner(runner.id))));
    expect(valueOf(await run(service.findRunner(runner.id)))).toBeUndefined();
    expect(valueOf(await run(service.findRunnerByName("r-1")))).toBeUndefined();
  });

  test("the limit of registrations is told with the time to wait", async () => {
    const { service, run, clock, createSet } = createServiceBed({
      mode,
      knobs: { registrationsMax: 3 },
    });
    const { id } = await createSet();
    const register = (name: string) => run(service.generateJitConfig(id, { name, workFolder: "" }));
    for (const name of ["a", "b", "c"]) valueOf(await register(name));
    const refused = await register("d");
    if (refused.ok) throw new Error("it was allowed");
    expect(refused.failure).toMatchObject({ reason: "rate-limited", status: 429 });
    await clock.runFor((refused.failure.retryAfterMs ?? 0) + 1);
    valueOf(await register("d"));
  });

  test.each(["slash", "plain", "query"] as const)(
    "the service's address may be %s",
    async (shape) => {
      const { service, run } = createServiceBed({
        mode,
        knobs: { serviceUrl: shape, apiVersionRequired: true, runnerSettingKey: "RunnerSetting" },
      });
      const made = await run(service.createScaleSet({ name: "s", runnerGroupId: 1, labels: [] }));
      expect(valueOf(await run(service.findScaleSetById(valueOf(made).id)))).toMatchObject({
        name: "s",
      });
    },
  );

  test.each(["https://ghes.test/my-org/repo", "https://ghes.test/enterprises/e"])(
    "the scope may be %s, and scopes do not see each other's sets",
    async (configUrl) => {
      const { run, another, createSet } = createServiceBed({ mode });
      await createSet("shared-name");
      const other = another({ configUrl });
      const by = { name: "shared-name", runnerGroupId: 1 };
      expect(valueOf(await run(other.findScaleSet(by)))).toBeUndefined();
      const made = await run(other.createScaleSet({ ...by, labels: [] }));
      expect(valueOf(made)).toMatchObject({ name: "shared-name" });
    },
  );

  test("a wrong token is refused, and so is an App with the wrong key", async () => {
    const right = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const wrong = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const publicKey = right.publicKey.export({ type: "spki", format: "pem" }).toString();
    const app = { ids: ["12345", "Iv23abc"], installationIds: [5], publicKey };
    const { run, another, control } = createServiceBed({ mode, simulator: { app } });
    const tryWith = (key: typeof right, appId = "Iv23abc", installationId = 5) => {
      const privateKey = key.privateKey.export({ type: "pkcs1", format: "pem" }).toString();
      const credential = { kind: "app" as const, appId, installationId, privateKey };
      const client = another({ credential: () => Promise.resolve(credential) });
      return run(client.findRunnerGroup("Default"));
    };
    expect(valueOf(await tryWith(right))).toMatchObject({ id: 1 });
    expect(valueOf(await tryWith(right, "12345"))).toMatchObject({ id: 1 });
    expect(reasonOf(await tryWith(wrong))).toBe("unauthorized");
    expect(reasonOf(await tryWith(right, "other"))).toBe("unauthorized");
    expect(reasonOf(await tryWith(right, "12345", 6))).toBe("unauthorized");
    const before = control.requests().length;
    const stranger = another({ credential: () => Promise.resolve({ kind: "pat", token: "no" }) });
    expect(reasonOf(await run(stranger.findRunnerGroup("g")))).toBe("unauthorized");
    expect(control.requests().length - before).toBe(1);
  });
});
