import { describe, expect, it } from "vitest";
import { acknowledgeFailures } from "./acknowledge.ts";
import { decidePoll, pollFailures } from "./decide-poll.ts";
import { createFailures, decideSession, refreshFailures } from "./decide-session.ts";

const failure = (reason: keyof typeof pollFailures) => ({ reason, message: "" });

describe("the outcome tables", () => {
  it("know the same reasons, and every one of them waits a bounded, growing time", () => {
    const tables = [pollFailures, refreshFailures, createFailures];
    for (const table of tables) {
      expect(Object.keys(table).toSorted()).toEqual(Object.keys(acknowledgeFailures).toSorted());
      for (const { backoff } of Object.values(table)) {
        expect(backoff.baseMs).toBeGreaterThanOrEqual(100);
        expect(backoff.capMs).toBeGreaterThan(backoff.baseMs);
        expect(backoff.capMs).toBeLessThanOrEqual(60_000);
      }
    }
  });

  it("tell a message, its absence and a failure apart, and keep what the service asks to wait", () => {
    expect(decidePoll({ ok: true, value: undefined })).toEqual({ kind: "empty" });
    const message = { messageId: 3, statistics: undefined, news: [], skippedCount: 0 };
    expect(decidePoll({ ok: true, value: message })).toEqual({ kind: "message", message });
    const limited = { ...failure("rate-limited"), retryAfterMs: 7_000 };
    expect(decidePoll({ ok: false, failure: limited })).toMatchObject({
      kind: "failed",
      reason: "rate-limited",
      retryAfterMs: 7_000,
    });
  });

  it("create a session only when a refresh has said that the old one is gone", () => {
    const creates = Object.entries(refreshFailures).filter(([, row]) => row.action === "create");
    expect(creates.map(([reason]) => reason)).toContain("session-gone");
    for (const reason of ["server-error", "timed-out", "unreachable", "rate-limited"] as const) {
      expect(decideSession("refresh", failure(reason)).action).toBe("again");
      expect(pollFailures[reason].action).toBe("again");
    }
  });

  it("remember that a create without an answer may have happened", () => {
    for (const reason of ["timed-out", "unreachable", "server-error", "unreadable"] as const) {
      expect(decideSession("create", failure(reason)).uncertain).toBe(true);
    }
    expect(decideSession("create", failure("session-conflict")).uncertain).toBeUndefined();
  });

  it("try a conflict again in steps that find the lapse of an abandoned session early", () => {
    const { backoff } = createFailures["session-conflict"];
    expect(backoff.capMs).toBeLessThanOrEqual(10_000);
  });
});
