// Faults F20, F44 before they cost a job: the sweep tries each scope's credential and says in words what is wrong.
import { beforeEach, describe, expect, it } from "vitest";
import { createSweepWorld, good } from "./sweep-world.ts";

type World = Awaited<ReturnType<typeof createSweepWorld>>;
let world: World;
beforeEach(async () => {
  world = await createSweepWorld();
  await world.registry.putCluster({ name: "east", accessRef: "east" }, undefined);
  await world.addSet("linux", true);
});

const told = () => world.lines.filter(({ event }) => event === "credential_refused");
const dayMs = 24 * 3_600_000;

describe("a credential", () => {
  it("that is good is asked about every ten minutes, and nothing is said of it", async () => {
    for (let minute = 0; minute < 30; minute++) {
      await world.sweep();
      expect(world.of("credentials-refused")).toEqual([]);
      await world.clock.runFor(45_000);
    }
    expect(world.asked("rateLimit")).toBe(3);
  });

  it("that ends in ten days is told of as days, and refused when it has ended", async () => {
    world.service.control.setKnobs({ patExpiresAt: world.clock.wallMs() + 10 * dayMs });
    await world.sweep();
    expect(world.of("credential-days-left")).toEqual([expect.closeTo(10, 1)]);
    expect(world.lines).toContainEqual(
      expect.objectContaining({ event: "credential_ends_soon", scope: "github.com/acme" }),
    );
    await world.clock.runFor(10 * dayMs);
    for (let minute = 0; minute < 3; minute++) {
      await world.sweep();
      expect(world.of("credentials-refused")).toEqual([["rejected", 1]]);
    }
  });

  const wrong: [string, (world: World) => void, string][] = [
    ["is missing", (it) => (it.credential = () => undefined), "missing"],
    [
      "cannot be read",
      (it) => {
        it.credential = () => {
          throw new Error("the secret is no credential");
        };
      },
      "unreadable",
    ],
    [
      "was revoked",
      (it) => (it.credential = () => ({ credential: { kind: "pat", token: "ghp_revoked" } })),
      "rejected",
    ],
    [
      "is of an App that is not installed there",
      (it) => {
        const credential = { ...good.app.credential, installationId: 78 };
        it.credential = () => ({ credential });
      },
      "uninstalled",
    ],
    [
      "is of an App that was suspended",
      (it) => {
        it.credential = () => good.app;
        it.service.control.setKnobs({ appSuspended: true });
      },
      "suspended",
    ],
    [
      "is of another App",
      (it) => (it.credential = () => ({ credential: { ...good.app.credential, appId: "13" } })),
      "rejected",
    ],
  ];
  it.each(wrong)("that %s is told of by each sweep, until it is good", async (_, spoil, why) => {
    spoil(world);
    for (let minute = 0; minute < 2; minute++) {
      await world.sweep();
      expect(world.of("credentials-refused")).toEqual([[why, 1]]);
      expect(told()).toMatchObject([
        { level: "error", scope: "github.com/acme", why, remedy: expect.any(String) },
      ]);
    }
    world.service.control.setKnobs({ appSuspended: false });
    world.credential = () => good.app;
    await world.sweep();
    expect(told()).toEqual([]);
    expect(JSON.stringify(world.lines)).not.toContain("PRIVATE KEY");
  });

  it.each([500, 429, 0])("is not to blame for GitHub's %s", async (status) => {
    const fault = status === 0 ? { drop: "before" as const } : { status };
    world.service.control.addFault({ route: "rateLimit", ...fault });
    await world.sweep();
    expect(world.of("credentials-refused")).toEqual([]);
    await world.sweep();
    expect(world.asked("rateLimit"), "asked again by the next sweep").toBe(2);
  });

  it("is good on a server without rate limits, which answers 404", async () => {
    world.service.control.addFault({ route: "rateLimit", times: 9, status: 404 });
    await world.sweep();
    await world.sweep();
    expect(world.of("credentials-refused")).toEqual([]);
    expect(world.asked("rateLimit")).toBe(1);
  });
});
