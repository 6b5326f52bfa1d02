// Why: what the live service has been seen to do wrong, done by the simulator, met by the client.
import { describe, expect, test } from "vitest";
import { createServiceBed, modes, reasonOf, type ServiceBed, valueOf } from "./service-bed.ts";

/** A set with an open session and a job that the next poll will tell of. */
async function createJobBed(mode: (typeof modes)[number]) {
  const bed = createServiceBed({ mode });
  const { id } = await bed.createSet();
  const session = await bed.openSession(id);
  bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo" });
  return { ...bed, id, session };
}

const countOf = ({ sent }: Pick<ServiceBed, "sent">, end: string) =>
  sent.filter((request) => request.endsWith(end)).length;

describe.each(modes)("in %s mode", (mode) => {
  test.each([
    ["empty-body", undefined, 0],
    ["bom", 1, 0],
    ["unknown-inner-type", 1, 1],
    ["undecodable-entry", 2, 0],
    ["unknown-outer-type", 0, 1],
    ["null-statistics", 1, 0],
    ["no-statistics", 1, 0],
  ] as const)(
    "a message spoiled by %s is read as far as it goes",
    async (answer, news, skipped) => {
      const bed = await createJobBed(mode);
      bed.control.addFault({ route: "poll", answer });
      const message = valueOf(await bed.poll(bed.session));
      expect(message?.news.length).toBe(news);
      if (message) {
        expect(message.skippedCount).toBe(skipped);
        expect(message.statistics === undefined).toBe(answer.endsWith("-statistics"));
      }
      // Nothing was deleted: the next poll brings it whole.
      expect(valueOf(await bed.poll(bed.session))?.news).toHaveLength(1);
    },
  );

  test.each(["broken-json", "huge"] as const)(
    "a message that is %s is unreadable",
    async (answer) => {
      const bed = await createJobBed(mode);
      bed.control.addFault({ route: "poll", answer });
      expect(reasonOf(await bed.poll(bed.session))).toBe("unreadable");
      expect(valueOf(await bed.poll(bed.session))?.news).toHaveLength(1);
    },
  );

  test.each(["empty-queue-url", "empty-queue-token"] as const)(
    "a session with %s is completed, or given back",
    async (answer) => {
      const bed = createServiceBed({ mode });
      const { id } = await bed.createSet();
      bed.control.addFault({ route: "createSession", answer });
      const session = await bed.openSession(id);
      expect(valueOf(await bed.poll(session))).toBeUndefined();
      valueOf(await bed.run(bed.service.deleteSession(id, session.sessionId)));
      bed.control.addFault({ route: "createSession", answer });
      bed.control.addFault({ route: "refreshSession", answer });
      const failed = await bed.run(bed.service.createSession(id, "host-1"));
      expect(reasonOf(failed)).toBe("unreadable");
      expect(bed.control.sessions()).toEqual([]);
    },
  );

  test("a JIT config whose answer was lost is met as a name that is taken", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    bed.control.addFault({ route: "generateJitConfig", drop: "after" });
    const register = () =>
      bed.run(bed.service.generateJitConfig(id, { name: "r-1", workFolder: "" }));
    expect(reasonOf(await register())).toBe("unreachable");
    expect(countOf(bed, "/generatejitconfig")).toBe(1);
    expect(reasonOf(await register())).toBe("runner-exists");
    const runner = valueOf(await bed.run(bed.service.findRunnerByName("r-1")));
    expect(runner).toMatchObject({ scaleSetId: id });
    valueOf(await bed.run(bed.service.removeRunner(runner?.id ?? 0)));
    valueOf(await register());
  });

  test("a session whose answer was lost is met as a conflict", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    bed.control.addFault({ route: "createSession", drop: "after" });
    expect(reasonOf(await bed.run(bed.service.createSession(id, "h")))).toBe("unreachable");
    expect(reasonOf(await bed.run(bed.service.createSession(id, "h")))).toBe("session-conflict");
  });

  test("an acknowledgement whose answer was lost is repeated and found done", async () => {
    const bed = await createJobBed(mode);
    const message = valueOf(await bed.poll(bed.session));
    bed.control.addFault({ route: "acknowledge", drop: "after" });
    const done = bed.service.acknowledge(bed.session, message?.messageId ?? 0);
    expect(valueOf(await bed.run(done))).toBe("absent");
  });

  test.each([429, 503])("a %i with Retry-After is waited for, then it goes on", async (status) => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    bed.control.addFault({ route: "generateJitConfig", status, retryAfter: "3" });
    const before = bed.clock.nowMs();
    valueOf(await bed.run(bed.service.generateJitConfig(id, { name: "r", workFolder: "" })));
    expect(bed.clock.nowMs() - before).toBe(3_000);
  });

  test("a registration that is refused for a moment succeeds by itself", async () => {
    const bed = createServiceBed({ mode });
    bed.control.addFault({ route: "runnerRegistration", status: 401, times: 3 });
    await bed.createSet();
    expect(countOf(bed, "/runner-registration")).toBe(4);
  });

  test("a call that hangs ends at its limit, and the next one works", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    bed.control.addFault({ route: "getScaleSet", hang: true });
    const before = bed.clock.nowMs();
    expect(reasonOf(await bed.run(bed.service.findScaleSetById(id)))).toBe("timed-out");
    expect(bed.clock.nowMs() - before).toBe(10_000);
    expect(valueOf(await bed.run(bed.service.findScaleSetById(id)))).toMatchObject({ id });
  });

  test("a list whose count is more than it holds is not guessed at", async () => {
    const bed = createServiceBed({ mode });
    await bed.createSet();
    const find = () => bed.run(bed.service.findScaleSet({ name: "my-set", runnerGroupId: 1 }));
    bed.control.addFault({ route: "listScaleSets", answer: "count-too-high" });
    expect(reasonOf(await find())).toBe("unreadable");
    expect(valueOf(await find())).toMatchObject({ name: "my-set" });
  });

  test("no log line and no failure shows a token of the service's", async () => {
    const bed = await createJobBed(mode);
    bed.control.addFault({ route: "refreshSession", answer: "broken-json" });
    const failures = [
      await bed.run(bed.service.refreshSession(bed.id, bed.session.sessionId)),
      await bed.run(bed.service.createSession(bed.id, "host-1")),
      await bed.poll({ ...bed.session, queueToken: "canary-queue-token" }),
    ];
    const written = JSON.stringify([failures, bed.lines]);
    expect(written).toContain("session-conflict");
    for (const secret of [bed.session.queueToken, "canary-queue-token", "ghp_x", "sessionId="]) {
      expect(written).not.toContain(secret);
    }
  });
});
