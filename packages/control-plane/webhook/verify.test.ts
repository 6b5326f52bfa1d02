// SEC3: whoever may guess, and measures how long each refusal takes, must not come nearer to the right signature byte by
// byte. How the comparison is done is the library's; that it is done by Node's constant-time one is shown here.
import crypto, { createHmac } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, expect, it } from "vitest";
import { verifySignature } from "./verify.ts";

const body = Buffer.from('{"action":"queued"}');
const sign = (secret: string) =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

const real = crypto.timingSafeEqual;
/** The lengths of what was compared in constant time. */
const compared: number[][] = [];

function replace(by: typeof real): void {
  crypto.timingSafeEqual = by;
  syncBuiltinESMExports();
}

beforeEach(() => {
  compared.length = 0;
  replace((a, b) => {
    compared.push([a.byteLength, b.byteLength]);
    return real(a, b);
  });
});
afterEach(() => replace(real));

it.each([
  ["right for the current secret", sign("new"), true],
  ["right for the one before", sign("old"), true],
  [
    "wrong in its first digit",
    sign("new").replace(/=./, (two) => (two === "=0" ? "=1" : "=0")),
    false,
  ],
  ["wrong altogether", sign("another"), false],
])(
  "a signature that is %s is compared once with each secret's, in constant time",
  async (_w, signature, isRight) => {
    expect((await verifySignature(["new", "old"], body, signature)) !== undefined).toBe(isRight);
    expect(compared).toHaveLength(2);
    for (const [a, b] of compared) expect(a).toBe(b);
  },
);
