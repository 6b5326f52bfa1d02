// Why: the way of a job through the protocol, as a listener sees it, in both generations; and what the
// protocol promises about messages.
import { describe, expect, test } from "vitest";
import type { Message, MessageSession } from "@runlet/actions-service/service";
import { createServiceBed, modes, reasonOf, type ServiceBed, valueOf } from "./service-bed.ts";

const newsOf = (message: Message | undefined) =>
  message?.news.map(({ type, jobId }) => `${type}:${jobId}`) ?? [];

/** Polls until a message comes; acts and acknowledges as a listener does. */
async function nextMessage(bed: ServiceBed, session: MessageSession, last: number, capacity = 10) {
  const message = valueOf(await bed.poll(session, last, capacity));
  if (!message) throw new Error("no message came");
  const ids = message.news.flatMap(({ type, requestId }) =>
    type === "JobAvailable" ? [requestId] : [],
  );
  const acquired = await bed.run(
    bed.service.acquireJobs(session.scaleSetId, session.queueToken, ids),
  );
  expect(valueOf(acquired)).toEqual(ids);
  const done = await bed.run(bed.service.acknowledge(session, message.messageId));
  expect(valueOf(done)).toBe("deleted");
  return message;
}

describe.each(modes)("in %s mode", (mode) => {
  test("a job goes from queued to completed; the client only follows what arrives", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    const [job] = bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo" });
    if (!job) throw new Error("no job was queued");

    let last = 0;
    const follow = async () => {
      const message = await nextMessage(bed, session, last);
      last = message.messageId;
      return message;
    };
    if (mode === "acquire") {
      const available = await follow();
      expect(newsOf(available)).toEqual([`JobAvailable:${job.jobId}`]);
      expect(available.statistics).toMatchObject({ totalAvailableJobs: 1, totalAssignedJobs: 0 });
      // The first id of the simulator is the first that a double cannot hold.
      expect(available.news[0]?.requestId).toBe("9007199254740993");
    }
    const assigned = await follow();
    expect(newsOf(assigned)).toEqual([`JobAssigned:${job.jobId}`]);
    expect(assigned.statistics).toMatchObject({ totalAssignedJobs: 1, totalRunningJobs: 0 });
    expect(assigned.news[0]?.requestId === "0").toBe(mode === "auto-assign");
    expect(assigned.news[0]).toMatchObject({ ownerName: "my-org", repositoryName: "repo" });

    const { runner, program } = await bed.startRunner(id, "my-set-1");
    const taken = await bed.run(program.takeJob());
    expect(taken).toMatchObject({ jobId: job.jobId });
    const started = await follow();
    expect(newsOf(started)).toEqual([`JobStarted:${job.jobId}`]);
    expect(started.news[0]).toMatchObject({ runnerName: "my-set-1", runnerId: runner.id });
    expect(started.statistics).toMatchObject({ totalAssignedJobs: 1, totalRunningJobs: 1 });

    // The service is asked whether the runner is busy.
    expect(valueOf(await bed.run(bed.service.removeRunner(runner.id)))).toBe("busy");
    await bed.run(program.finish("succeeded"));
    const completed = await follow();
    expect(completed.news).toMatchObject([
      { type: "JobCompleted", jobId: job.jobId, result: "succeeded", runnerName: "my-set-1" },
    ]);
    expect(completed.statistics).toMatchObject({ totalAssignedJobs: 0, totalRunningJobs: 0 });
    expect(valueOf(await bed.run(bed.service.findRunnerByName("my-set-1")))).toBeUndefined();
  });

  test("an open poll is answered as soon as there is something to say", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    bed.clock.after(20_000, () => {
      bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo" });
    });
    const message = valueOf(await bed.poll(session));
    expect(newsOf(message)).toHaveLength(1);
    expect(bed.clock.nowMs()).toBe(20_000);
  });

  test("a message comes again until it is deleted, also in a new session", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo" });
    const first = valueOf(await bed.poll(session));
    const again = valueOf(await bed.poll(session));
    expect(again?.messageId).toBe(first?.messageId);
    expect(newsOf(again)).toEqual(newsOf(first));
    valueOf(await bed.run(bed.service.deleteSession(id, session.sessionId)));
    const next = await bed.openSession(id);
    const replayed = valueOf(await bed.poll(next));
    expect(replayed?.messageId).toBe(first?.messageId);
    const acknowledge = () => bed.run(bed.service.acknowledge(next, first?.messageId ?? 0));
    expect(valueOf(await acknowledge())).toBe("deleted");
    expect(valueOf(await acknowledge())).toBe("absent");
    expect(valueOf(await bed.poll(next))).toBeUndefined();
  });

  test("an aborted poll loses nothing", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    const stop = new AbortController();
    const at = { lastMessageId: 0, maxCapacity: 10 };
    const open = bed.service.poll(session, at, { signal: stop.signal });
    bed.clock.after(10_000, () => {
      stop.abort(new Error("handing over"));
      bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo" });
    });
    await expect(bed.run(open)).rejects.toThrow("handing over");
    expect(newsOf(valueOf(await bed.poll(session)))).toHaveLength(1);
  });

  test("a backlog comes fifty to a message, and its tally counts all of it", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo", count: 120 });
    const seen = new Set<string>();
    let last = 0;
    let tally = 0;
    while (seen.size < 120) {
      const message = await nextMessage(bed, session, last, 500);
      expect(message.news.length).toBeLessThanOrEqual(50);
      last = message.messageId;
      const { totalAvailableJobs = 0, totalAssignedJobs = 0 } = message.statistics ?? {};
      tally = totalAvailableJobs + totalAssignedJobs;
      for (const news of message.news) seen.add(news.jobId);
    }
    expect(tally).toBe(120);
  });

  test("the statistics of a session answer count jobs whose message is gone", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo", count: 2 });
    let last = (await nextMessage(bed, session, 0)).messageId;
    if (mode === "acquire") last = (await nextMessage(bed, session, last)).messageId;
    const refreshed = valueOf(await bed.run(bed.service.refreshSession(id, session.sessionId)));
    expect(refreshed.statistics).toMatchObject({ totalAssignedJobs: 2 });
    expect(valueOf(await bed.poll(refreshed, last))).toBeUndefined();
  });

  test("a job that is cancelled before it starts is completed as canceled, without a runner", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    const [job] = bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo" });
    let last = (await nextMessage(bed, session, 0)).messageId;
    if (mode === "acquire") last = (await nextMessage(bed, session, last)).messageId;
    bed.control.cancelJob(job?.key ?? "");
    const { news, statistics } = await nextMessage(bed, session, last);
    expect(news).toMatchObject([{ type: "JobCompleted", result: "canceled", runnerName: "" }]);
    expect(news[0]?.runnerAssignedAt).toBeUndefined();
    expect(statistics).toMatchObject({ totalAssignedJobs: 0 });
  });
});

describe("in acquire mode", () => {
  const mode = "acquire";

  test("fewer jobs may be acquired than asked for; the rest can be listed and tried again", async () => {
    const bed = createServiceBed({ mode, knobs: { acquireAtMost: 1 } });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo", count: 2 });
    const ids = valueOf(await bed.poll(session))?.news.map(({ requestId }) => requestId) ?? [];
    expect(ids).toEqual(["9007199254740993", "9007199254740994"]);
    const acquire = (wanted: string[]) =>
      bed.run(bed.service.acquireJobs(id, session.queueToken, wanted));
    const got = valueOf(await acquire(ids));
    expect(got).toHaveLength(1);
    const left = ids.filter((one) => !got.includes(one));
    expect(valueOf(await bed.run(bed.service.listAcquirableJobs(id)))).toEqual(left);
    expect(valueOf(await acquire(left))).toEqual(left);
    expect(valueOf(await bed.run(bed.service.listAcquirableJobs(id)))).toEqual([]);
    // What is ours already, or nobody's, is left out; not an error.
    expect(valueOf(await acquire(["12345"]))).toEqual([]);
  });

  test("acquire wants the queue token of the session", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    await bed.openSession(id);
    const acquire = bed.service.acquireJobs(id, "not the token", ["1"]);
    expect(reasonOf(await bed.run(acquire))).toBe("queue-token-expired");
  });
});

describe("in auto-assign mode", () => {
  const mode = "auto-assign";

  test("the capacity of each poll admits jobs, as a total", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    bed.control.queueJobs({ scaleSet: "my-set", repository: "my-org/repo", count: 2 });
    expect(valueOf(await bed.poll(session, 0, 0))).toBeUndefined();
    const one = valueOf(await bed.poll(session, 0, 1));
    expect(one?.statistics).toMatchObject({ totalAssignedJobs: 1 });
    const two = valueOf(await bed.poll(session, one?.messageId, 2));
    expect(two?.statistics).toMatchObject({ totalAssignedJobs: 2 });
  });

  test("there is no acquire, and nothing to acquire", async () => {
    const bed = createServiceBed({ mode });
    const { id } = await bed.createSet();
    const session = await bed.openSession(id);
    const acquire = bed.service.acquireJobs(id, session.queueToken, ["1"]);
    expect(reasonOf(await bed.run(acquire))).toBe("route-absent");
    expect(valueOf(await bed.run(bed.service.listAcquirableJobs(id)))).toEqual([]);
  });
});
