// Why: a session is the exclusive right to read one scale set's messages. It is made once and resumed by
// id for days; making one too many locks everybody out for a minute or more (ARC #3351).
import { createSingleFlight } from "./single-flight.ts";
import { checkServerAddress } from "./server-address.ts";
import { askService, type ServiceDeps } from "./service-call.ts";
import type { ActionsService, CallOptions, MessageSession, Outcome } from "./service.ts";
import { readSession, readSessionId, Unreadable } from "./wire.ts";

type Sessions = Pick<ActionsService, "createSession" | "refreshSession" | "deleteSession">;

export function createSessions(deps: ServiceDeps): Sessions {
  const refreshes = createSingleFlight<Outcome<MessageSession>>();

  const refresh = (scaleSetId: number, sessionId: string, options?: CallOptions) =>
    askService(
      deps,
      {
        ...about("refreshSession", scaleSetId, sessionId),
        method: "PATCH",
        accepts: 200,
        decode: (json) => readSafely(deps, json, scaleSetId),
        words: {},
      },
      options,
    );

  const remove = (scaleSetId: number, sessionId: string, options?: CallOptions) =>
    askService<"deleteSession", "deleted" | "absent">(
      deps,
      {
        ...about("deleteSession", scaleSetId, sessionId),
        method: "DELETE",
        accepts: 204,
        decode: () => "deleted",
        words: { done: "deleted", absent: "absent" },
      },
      options,
    );

  return {
    async createSession(scaleSetId, ownerName, options) {
      const endMs = deps.clock.nowMs() + (options?.limitMs ?? deps.limitMs);
      const outcome = await create(deps, scaleSetId, ownerName, options);
      if (!outcome.ok) return outcome;
      const made = outcome.value;
      if (made.kind === "whole") return { ok: true, value: made.session };
      // Made, but without address or token (seen while GitHub was degraded, ARC #4370). Ours by its id:
      // ask for the rest; else give it back, or it would refuse its successor for a minute.
      deps.log.warn("session_incomplete", { scaleSetId, missing: made.missing });
      const rest = () => ({ ...options, limitMs: endMs - deps.clock.nowMs() });
      const refreshed = await refresh(scaleSetId, made.sessionId, rest());
      if (!refreshed.ok) await remove(scaleSetId, made.sessionId, rest());
      return refreshed;
    },
    refreshSession(scaleSetId, sessionId, options) {
      const start = (signal: AbortSignal) => refresh(scaleSetId, sessionId, { ...options, signal });
      return refreshes.run(`${scaleSetId}/${sessionId}`, options?.signal, start);
    },
    deleteSession: remove,
  };
}

type Made =
  | { kind: "whole"; session: MessageSession }
  | { kind: "partial"; sessionId: string; missing: string };

function create(
  deps: ServiceDeps,
  scaleSetId: number,
  ownerName: string,
  options: CallOptions | undefined,
): Promise<Outcome<Made>> {
  return askService<"createSession", Made>(
    deps,
    {
      call: "createSession",
      on: `scale set ${scaleSetId}`,
      scaleSetId,
      path: sessionsPath(scaleSetId),
      method: "POST",
      // The zero id is what GitHub's own client sends; the service draws one.
      body: JSON.stringify({ sessionId: "00000000-0000-0000-0000-000000000000", ownerName }),
      accepts: 200,
      decode: (json) => readMade(deps, json, scaleSetId),
      words: {},
    },
    options,
  );
}

function readSafely(deps: ServiceDeps, json: unknown, scaleSetId: number): MessageSession {
  const session = readSession(json, scaleSetId);
  checkServerAddress("messageQueueUrl", session.queueUrl, deps.isSecure);
  return session;
}

function readMade(deps: ServiceDeps, json: unknown, scaleSetId: number): Made {
  try {
    return { kind: "whole", session: readSafely(deps, json, scaleSetId) };
  } catch (error) {
    const sessionId = readSessionId(json);
    if (!(error instanceof Unreadable) || sessionId === undefined) throw error;
    return { kind: "partial", sessionId, missing: error.message };
  }
}

const sessionsPath = (scaleSetId: number) => `_apis/runtime/runnerscalesets/${scaleSetId}/sessions`;

function about<C extends string>(call: C, scaleSetId: number, sessionId: string) {
  return {
    call,
    on: `session ${sessionId} of scale set ${scaleSetId}`,
    scaleSetId,
    path: `${sessionsPath(scaleSetId)}/${encodeURIComponent(sessionId)}`,
  };
}
