import { describe, expect, it } from "vitest";
import { playSeed, type SeedOptions } from "@runlet/runlet/world/play-seed";

async function trace(options: Partial<SeedOptions>): Promise<string[]> {
  const lines: string[] = [];
  await playSeed({
    seed: 1,
    mode: "acquire",
    jobs: 12,
    faults: true,
    assignWithoutSession: false,
    onLine: (line) => lines.push(line),
    ...options,
  });
  return lines;
}

describe("a seed", () => {
  it("gives the same run twice, to the last byte of its log; another seed gives another", async () => {
    const first = await trace({ seed: 5 });
    expect(await trace({ seed: 5 })).toEqual(first);
    expect(await trace({ seed: 6 })).not.toEqual(first);
  });

  it.each([
    ["acquire", false],
    ["acquire", true],
    ["auto-assign", false],
    ["auto-assign", true],
  ] as const)(
    "in %s mode, jobs assigned without a session: %s, ends with nothing lost or left over",
    async (mode, assignWithoutSession) => {
      const { report, afterDeath } = await playSeed({
        seed: 11,
        mode,
        jobs: 40,
        faults: true,
        assignWithoutSession,
      });
      expect(report.jobs.lost).toBe(0);
      expect(report.runners.leftover).toBe(0);
      expect(report.sessions.conflicts).toBe(0);
      expect(report.sessions.resumed).toBeGreaterThan(0);
      expect(afterDeath).toEqual([]);
    },
  );
});
