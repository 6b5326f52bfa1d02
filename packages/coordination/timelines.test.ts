// Why: the notes on a job must be there when somebody asks, bounded, and never in anybody's way.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createDeliveries } from "./deliveries.ts";
import { createTableWorld } from "./testing/table-world.ts";
import { createTimelines, mergeNotes, type TimelineNote } from "./timelines.ts";

const job = { scopeKey: "github.com/my-org", runId: "9007199254740993", jobName: "build (1, ü/x)" };

test("notes of several writers on one job come back in the order in which things happened", async () => {
  const world = createTableWorld();
  const timelines = createTimelines(world);
  await timelines.note(job, [{ what: "started", at: 30, by: "poller", runnerName: "r-1" }]);
  await timelines.note(job, [{ what: "first-seen", at: 10, by: "webhook" }]);
  await timelines.note({ ...job, jobName: "test" }, [{ what: "assigned", at: 5, by: "poller" }]);
  await timelines.note({ ...job, runId: "90" }, [{ what: "assigned", at: 6, by: "poller" }]);
  expect(await timelines.list(job.scopeKey, job.runId)).toEqual([
    {
      ...job,
      notes: [
        { what: "first-seen", at: 10, by: "webhook" },
        { what: "started", at: 30, by: "poller", runnerName: "r-1" },
      ],
    },
    { ...job, jobName: "test", notes: [{ what: "assigned", at: 5, by: "poller" }] },
  ]);
});

test("concurrent notes on one job are all kept", async () => {
  const world = createTableWorld();
  world.faults.latencyMs = 10;
  const timelines = createTimelines(world);
  const notes: TimelineNote["what"][] = ["first-seen", "assigned", "started", "completed"];
  await world.inTime(
    Promise.all(notes.map((what, at) => timelines.note(job, [{ what, at, by: "x" }]))),
  );
  const [timeline] = await world.inTime(timelines.list(job.scopeKey, job.runId));
  expect(timeline?.notes.map(({ what }) => what)).toEqual(notes);
});

test("a table that fails holds no job up", async () => {
  const world = createTableWorld();
  world.faults.throttle = 1;
  const note = createTimelines(world).note(job, [{ what: "started", at: 1, by: "poller" }]);
  expect(await world.inTime(note)).toBeUndefined();
});

test("a replayed message changes nothing and writes nothing", async () => {
  const world = createTableWorld();
  const timelines = createTimelines(world);
  await timelines.note(job, [{ what: "assigned", at: 5, by: "poller" }]);
  const before = await world.truth.list("timeline/");
  await timelines.note(job, [{ what: "assigned", at: 9, by: "poller" }]);
  expect(await world.truth.list("timeline/")).toEqual(before);
  expect(before[0]?.expiresAt).toBe(world.clock.wallMs() + 7 * 24 * 3_600_000);
});

test("a job that is run again under its run and name is told anew, each time once", () => {
  const told = (at: number): TimelineNote[] => [
    { what: "assigned", at, by: "poller", scaleSetKey: "github.com/my-org:7" },
    { what: "started", at: at + 1, by: "poller", scaleSetKey: "github.com/my-org:7" },
    { what: "completed", at: at + 2, by: "poller", scaleSetKey: "github.com/my-org:7" },
  ];
  const once = mergeNotes([], told(10));
  const twice = mergeNotes(once, told(20));
  expect(twice.map(({ at }) => at)).toEqual([10, 11, 12, 20, 21, 22]);
  expect(mergeNotes(mergeNotes(twice, told(20)), told(10))).toEqual(twice);
});

test("a job that is run again ever more often is told as it is now: the oldest notes go", async () => {
  const world = createTableWorld();
  const timelines = createTimelines(world);
  const whats = ["first-seen", "assigned", "started", "completed"] as const;
  const told = (round: number) =>
    whats.map((what, n) => ({ what, at: round * 100 + n + 1, by: "poller" }));
  for (let round = 0; round < 30; round++) await timelines.note(job, told(round));
  const [timeline] = await timelines.list(job.scopeKey, job.runId);
  expect(timeline?.notes).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29].flatMap(told));
  const before = await world.truth.list("timeline/");
  for (const round of [0, 19, 20, 29]) await timelines.note(job, told(round));
  expect(await world.truth.list("timeline/")).toEqual(before);
});

test("a job that goes from one scale set to another is noted with both", () => {
  const of = (scaleSetKey: string, at: number) =>
    ({ what: "assigned", at, by: "poller", scaleSetKey }) as const;
  const notes = mergeNotes([of("github.com/my-org:7", 1)], [of("github.com/my-org:8", 5)]);
  expect(notes.map(({ scaleSetKey }) => scaleSetKey)).toEqual([
    "github.com/my-org:7",
    "github.com/my-org:8",
  ]);
});

test("notes are bounded, in order, and first words stand until they are the oldest of too many", () => {
  const note = fc.record({
    what: fc.constantFrom<TimelineNote["what"]>("assigned", "started", "completed"),
    at: fc.nat(),
    by: fc.string({ maxLength: 3 }),
    detail: fc.string({ maxLength: 500 }),
  });
  fc.assert(
    fc.property(fc.array(note, { maxLength: 60 }), fc.array(note, { maxLength: 60 }), (a, b) => {
      const kept = mergeNotes([], a);
      const all = mergeNotes(kept, b);
      expect(all.length).toBeLessThanOrEqual(40);
      expect(all.every(({ detail }) => (detail ?? "").length <= 200)).toBe(true);
      expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((x, y) => x - y));
      const gone = all.length < 40 ? -1 : (all[0]?.at ?? -1);
      for (const one of kept) if (one.at > gone) expect(all).toContainEqual(one);
      // Whose first word has gone may be heard again, but only then.
      if (all.length < 40) expect(mergeNotes(all, b)).toEqual(all);
    }),
  );
});

test("a webhook delivery is new once, for four days, and always when the table fails", async () => {
  const world = createTableWorld();
  const deliveries = createDeliveries(world);
  expect(await deliveries.remember("72d3162e-cc78-11e3-81ab-4c9367dc0958")).toBe("new");
  expect(await deliveries.remember("72d3162e-cc78-11e3-81ab-4c9367dc0958")).toBe("seen");
  expect(await deliveries.remember("another / with ünusual text")).toBe("new");
  const [row] = await world.truth.list("delivery/7");
  expect((row?.expiresAt ?? 0) - world.clock.wallMs()).toBeGreaterThanOrEqual(3 * 24 * 3_600_000);
  world.faults.throttle = 1;
  expect(await world.inTime(deliveries.remember("72d3162e-cc78-11e3-81ab-4c9367dc0958"))).toBe(
    "new",
  );
});

test("of two webhook functions that get one delivery at once, one finds it new", async () => {
  const world = createTableWorld();
  world.faults.latencyMs = 20;
  const deliveries = createDeliveries(world);
  const answers = await world.inTime(Promise.all([1, 2].map(() => deliveries.remember("one"))));
  expect(answers.toSorted()).toEqual(["new", "seen"]);
});
