// Why: three habits of the service's JSON that JSON.parse alone gets wrong; each has cost somebody.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "./json.ts";

describe("parseJson", () => {
  test("reads past a byte order mark", () => {
    expect(parseJson('\uFEFF{"id":1}')).toEqual({ id: 1 });
    expect(parseJson("null")).toBeNull();
    expect(() => parseJson("\uFEFF")).toThrow(SyntaxError);
  });

  test("keeps the digits of whole numbers that would be rounded, and only of those", () => {
    const text = "[9007199254740991,9007199254740993,-9007199254740993,1.5,1e3,9007199254740993.5]";
    const [safe, above, below, fraction, exponent, rounded] = parseJson(text) as unknown[];
    expect([safe, above, below]).toEqual([
      9_007_199_254_740_991,
      "9007199254740993",
      "-9007199254740993",
    ]);
    expect([fraction, exponent, typeof rounded]).toEqual([1.5, 1000, "number"]);
  });

  test("every int64 survives, as a number or as its digits", () => {
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(int64, (id) => {
        const { runnerRequestId } = parseJson(`{"runnerRequestId":${id}}`) as {
          runnerRequestId: number | string;
        };
        expect(String(runnerRequestId)).toBe(String(id));
      }),
      { seed: 20_261_124 },
    );
  });

  test("knows a key in any case, and takes the exact one where both are there", () => {
    expect(parseJson('{"RunnerSetting":{"x":1},"ENCODEDjitCONFIG":"a"}')).toEqual({
      runnerSetting: { x: 1 },
      encodedJITConfig: "a",
    });
    expect(parseJson('{"Name":"wrong","name":"right","Other":1}')).toMatchObject({
      name: "right",
      Other: 1,
    });
  });
});
