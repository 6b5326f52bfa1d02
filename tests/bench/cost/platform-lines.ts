// Why: Lambda itself writes three lines an invocation into the function's log, and they are paid for like ours.
import type { Part } from "./meter.ts";

const id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/** In the shape that AWS shows ("Log and monitor Node.js Lambda functions"), without a cold start. */
export function platformLines(part: Part): string[] {
  const memory = part === "webhook" ? 512 : 256;
  return [
    `START RequestId: ${id} Version: $LATEST`,
    `END RequestId: ${id}`,
    `REPORT RequestId: ${id}\tDuration: 884866.48 ms\tBilled Duration: 884867 ms\t` +
      `Memory Size: ${memory} MB\tMax Memory Used: 128 MB\t`,
  ];
}
