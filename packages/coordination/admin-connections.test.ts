// Why: of many invocations one renews the admin connection, and a renewer that dies stops nobody.
import { expect, test } from "vitest";
import { createAdminConnections, type AdminConnection } from "./admin-connections.ts";
import { createTableWorld } from "./testing/table-world.ts";

const scope = "github.com/my-org";

function start() {
  const world = createTableWorld();
  const made: AdminConnection[] = [];
  /** What each invocation does: load, or make one in half a second and save it. */
  const invocation = () => {
    const connections = createAdminConnections(world);
    return async () => {
      const shared = await connections.load(scope);
      if (shared) return shared;
      await world.clock.sleep(500);
      const own = { ...make(world.clock.wallMs() + 3_600_000), adminToken: `t-${made.length}` };
      made.push(own);
      await connections.save(scope, own);
      return own;
    };
  };
  return { ...world, made, invocation };
}
const make = (expiresAt: number): AdminConnection => ({
  serviceUrl: "https://pipelines.test/x",
  adminToken: "canary-admin-token",
  expiresAt,
});

test("twenty invocations at once make one connection, and share it", async () => {
  const { invocation, made, inTime } = start();
  const got = await inTime(Promise.all(Array.from({ length: 20 }, () => invocation()())));
  expect(made).toHaveLength(1);
  expect(got.every((one) => one.adminToken === "t-0")).toBe(true);
});

test("one that is about to end is renewed once, by one of those who ask", async () => {
  const { invocation, made, clock, inTime } = start();
  const all = Array.from({ length: 5 }, invocation);
  await inTime(Promise.all(all.map((get) => get())));
  await clock.runFor(3_600_000 - 59_000);
  const got = await inTime(Promise.all(all.map((get) => get())));
  expect(made).toHaveLength(2);
  expect(got.every((one) => one.adminToken === "t-1")).toBe(true);
});

test("a renewer that dies is waited for once, a few seconds", async () => {
  const { invocation, made, clock, inTime, ...world } = start();
  await createAdminConnections({ ...world, clock }).load(scope);
  const startedMs = clock.nowMs();
  await inTime(invocation()());
  expect(clock.nowMs() - startedMs).toBeLessThanOrEqual(5_700);
  const againMs = clock.nowMs();
  await inTime(invocation()());
  expect(clock.nowMs()).toBe(againMs);
  expect(made).toHaveLength(1);
});

test("a renewer that failed may try again at once", async () => {
  const { inTime, clock, ...world } = start();
  const connections = createAdminConnections({ ...world, clock });
  await connections.load(scope);
  expect(await inTime(connections.load(scope))).toBeUndefined();
  expect(clock.nowMs()).toBe(0);
});

test("it is sealed in the table, for its scope alone", async () => {
  const { truth, clock, ...world } = start();
  const connections = createAdminConnections({ ...world, clock });
  const one = make(clock.wallMs() + 3_600_000);
  await connections.save(scope, one);
  const row = await truth.get(`admin/${scope}`);
  if (!row) throw new Error("no row");
  expect(JSON.stringify(row)).not.toContain("canary-admin-token");
  await truth.put({ ...row, key: "admin/github.com/other" }, { absent: true });
  expect(await connections.load("github.com/other")).toBeUndefined();
  expect(await connections.load(scope)).toEqual(one);
});

test("a late save does not replace a connection that lives longer", async () => {
  const { clock, ...world } = start();
  const connections = createAdminConnections({ ...world, clock });
  const longer = make(clock.wallMs() + 3_600_000);
  await connections.save(scope, longer);
  await connections.save(scope, make(clock.wallMs() + 1_800_000));
  expect(await connections.load(scope)).toEqual(longer);
});

test("a connection that was handed out and refused by the service is replaced, however long it lives", async () => {
  const { clock, ...world } = start();
  const connections = createAdminConnections({ ...world, clock });
  await connections.save(scope, make(clock.wallMs() + 3_600_000));
  await connections.load(scope);
  const anew = { ...make(clock.wallMs() + 1_800_000), adminToken: "another" };
  await connections.save(scope, anew);
  expect(await createAdminConnections({ ...world, clock }).load(scope)).toEqual(anew);
});
