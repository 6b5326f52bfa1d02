// Why: `runlet cluster check` is the first thing to type when a cluster is not served.
import { checkCluster, problemsOf } from "./check-cluster.ts";
import { getCluster, withCluster } from "./cluster-client.ts";
import { describeCheck } from "./describe-check.ts";
import { explainSilence } from "./explain-silence.ts";
import type { Verb } from "./verbs.ts";

export const checkRegistered: Verb = {
  takes: "NAME",
  flags: [],
  async run({ names, open }) {
    const place = await open();
    const { row } = await getCluster(await place.registry(), names[0]);
    const check = await withCluster(place, row, (client, access) =>
      checkCluster(place, row, client, access),
    ).catch((cause: unknown) => {
      throw new Error(explainSilence(row, cause));
    });
    const problems = problemsOf(check);
    return {
      text: describeCheck(row.name, check),
      json: { cluster: row.name, check, problems },
      failed: problems.length > 0,
    };
  },
};
