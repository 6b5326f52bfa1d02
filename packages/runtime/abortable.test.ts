import { expect, test } from "vitest";
import { abortable } from "./abortable.ts";

test("one caller's abort ends its own wait and leaves the shared call to the others", async () => {
  const shared = Promise.withResolvers<string>();
  const abort = new AbortController();
  const mine = abortable(shared.promise, abort.signal);
  const other = abortable(shared.promise, new AbortController().signal);
  const reason = new Error("enough");
  abort.abort(reason);
  await expect(mine).rejects.toBe(reason);
  shared.resolve("token");
  expect(await other).toBe("token");
});

test("an aborted signal wins over a call that is under way, and no failure is left unheard", async () => {
  const reason = new Error("late");
  const failing = Promise.reject(new Error("unheard"));
  await expect(abortable(failing, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(await abortable(Promise.resolve(1), undefined)).toBe(1);
});
