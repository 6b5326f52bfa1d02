// Why: where the service announces jobs instead of assigning them (GitHub Enterprise Server), they must
// be acquired by number; the numbers are int64 and are sent back digit by digit as they came.
import { askService, type ServiceDeps } from "./service-call.ts";
import type { ActionsService, RequestId } from "./service.ts";
import { readAcquirableIds, readRequestIds } from "./wire.ts";

type Jobs = Pick<ActionsService, "acquireJobs" | "listAcquirableJobs">;

export function createJobs(deps: ServiceDeps): Jobs {
  return {
    async acquireJobs(scaleSetId, queueToken, requestIds, options) {
      if (requestIds.length === 0) return { ok: true, value: [] };
      return askService(
        deps,
        {
          call: "acquireJobs",
          on: `${requestIds.length} jobs of scale set ${scaleSetId}`,
          scaleSetId,
          method: "POST",
          path: `_apis/runtime/runnerscalesets/${scaleSetId}/acquirejobs`,
          body: `[${requestIds.map(checkDigits).join(",")}]`,
          accepts: 200,
          queueToken,
          decode: readRequestIds,
          words: {},
        },
        options,
      );
    },
    listAcquirableJobs(scaleSetId, options) {
      return askService<"listAcquirableJobs", RequestId[]>(
        deps,
        {
          call: "listAcquirableJobs",
          on: `scale set ${scaleSetId}`,
          scaleSetId,
          method: "GET",
          path: `_apis/runtime/runnerscalesets/${scaleSetId}/acquirablejobs`,
          accepts: 200,
          decode: readAcquirableIds,
          words: { nothing: [] },
        },
        options,
      );
    },
  };
}

/** The ids stand in the body as they are; anything but digits would be another request. */
function checkDigits(id: RequestId): string {
  if (!/^-?\d{1,19}$/.test(id)) throw new RangeError(`no request id: ${JSON.stringify(id)}`);
  return id;
}
