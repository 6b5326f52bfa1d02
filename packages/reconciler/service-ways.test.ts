import { describe, expect, it } from "vitest";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createServiceWays, type ServiceWay } from "./service-ways.ts";

const minute = 60_000;
const oldCa: ServiceWay = { caPem: "old" };
const newCa: ServiceWay = { caPem: "new" };

/** Ways whose fetches answer with the CA they were opened with, and reject once they are closed. */
function createBench() {
  const clock = createVirtualClock();
  const open: string[] = [];
  const ways = createServiceWays(clock, ({ caPem = "none" }) => {
    open.push(caPem);
    let isClosed = false;
    const fetch = async () => {
      if (isClosed) throw new Error("this fetch is closed");
      return new Response(caPem);
    };
    const close = () => {
      isClosed = true;
      open.splice(open.indexOf(caPem), 1);
    };
    return Object.assign(fetch, { close });
  });
  const ask = async (way: ServiceWay) => (await ways.fetchFor(way)("https://x")).text();
  return { clock, ways, open, ask };
}

describe("the connections to the service", () => {
  it("are shared by all who go the same way", async () => {
    const { open, ask } = createBench();
    expect(await ask(oldCa)).toBe("old");
    expect(await ask({ ...oldCa })).toBe("old");
    expect(await ask(newCa)).toBe("new");
    expect(open).toEqual(["old", "new"]);
  });

  it("of a CA that was changed are closed an hour later, those in use are not", async () => {
    const { clock, open, ask } = createBench();
    await ask(oldCa);
    for (let minutes = 0; minutes < 65; minutes += 5) {
      await ask(newCa);
      await clock.runFor(5 * minute);
    }
    expect(await ask(newCa)).toBe("new");
    expect(open).toEqual(["new"]);
  });

  it("through fifty changes of a CA are never more than those of an hour", async () => {
    const { clock, open, ask } = createBench();
    for (let change = 0; change < 50; change++) {
      await ask({ caPem: `ca-${change}` });
      await clock.runFor(20 * minute);
      expect(open.length).toBeLessThanOrEqual(4);
    }
  });

  it("are opened anew for a set that asks again after hours", async () => {
    const { clock, ways, open } = createBench();
    const fetch = ways.fetchFor(oldCa);
    await fetch("https://x");
    await clock.runFor(120 * minute);
    await ways.fetchFor(newCa)("https://x");
    expect(open).toEqual(["new"]);
    expect(await (await fetch("https://x")).text()).toBe("old");
    ways.close();
    expect(open).toEqual([]);
  });
});
