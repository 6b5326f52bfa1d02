import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeededRandom, createSystemRandom } from "./random.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("one seed gives one sequence, another seed another", () => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed);
    const ids = [random.uuid(), Buffer.from(random.bytes(8)).toString("hex")];
    return [random.next(), random.int(1_000_000), ...ids];
  };
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      expect(draw(seed)).toEqual(draw(seed));
      expect(draw(seed)).not.toEqual(draw(seed + 1));
    }),
  );
});

test.each([
  ["seeded", createSeededRandom(7)],
  ["system", createSystemRandom()],
])("%s numbers keep their bounds, and ids their shape", (_name, random) => {
  for (let turn = 0; turn < 2_000; turn++) {
    const next = random.next();
    expect(next >= 0 && next < 1).toBe(true);
    expect([0, 1, 2]).toContain(random.int(3));
  }
  const ids = new Set(Array.from({ length: 200 }, () => random.uuid()));
  expect(ids.size).toBe(200);
  for (const id of ids) expect(id).toMatch(uuid);
  expect(random.bytes(16).length).toBe(16);
});

test("seeded numbers are spread evenly enough: each tenth is hit by about a tenth", () => {
  const random = createSeededRandom(42);
  const hits = Array.from({ length: 10 }, () => 0);
  for (let turn = 0; turn < 10_000; turn++) {
    const tenth = random.int(10);
    hits[tenth] = (hits[tenth] ?? 0) + 1;
  }
  for (const hit of hits) expect(Math.abs(hit - 1_000)).toBeLessThan(150);
});
