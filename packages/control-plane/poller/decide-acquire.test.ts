import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noStatistics } from "@runlet/domain/statistics";
import { decideAcquire, roomToAcquire, shouldSeekJobs } from "./decide-acquire.ts";

const count = fc.integer({ min: 0, max: 30 });

describe("acquiring", () => {
  it("asks only for announced ids, each once, in order, and never for more than there is room for", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), count, (numbers, room) => {
        const announced = numbers.map(String);
        const ids = decideAcquire(announced, room);
        expect(ids.length).toBeLessThanOrEqual(room);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.every((id) => announced.includes(id) && id !== "0")).toBe(true);
        const order = ids.map((id) => announced.indexOf(id));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }),
    );
  });

  it("counts as room what capacity leaves beside assigned and just taken jobs, never below none", () => {
    fc.assert(
      fc.property(count, count, count, (capacity, totalAssignedJobs, taken) => {
        const room = roomToAcquire(capacity, { ...noStatistics, totalAssignedJobs }, taken);
        expect(room).toBeGreaterThanOrEqual(0);
        if (room > 0) expect(room + totalAssignedJobs + taken).toBe(capacity);
      }),
    );
  });

  it("seeks jobs only when some wait and there is room", () => {
    const waiting = { ...noStatistics, totalAvailableJobs: 1 };
    expect(shouldSeekJobs(waiting, 1)).toBe(true);
    expect(shouldSeekJobs(waiting, 0)).toBe(false);
    expect(shouldSeekJobs(noStatistics, 5)).toBe(false);
  });
});
