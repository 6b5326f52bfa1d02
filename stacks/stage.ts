// Why: names are made in one place. A function's name is known before the function, so that its own role may name it.
import { settingsOf } from "./settings.ts";

export type Part = "webhook" | "poller" | "sweep";

/** The stage that is deployed, and how things in it are called. */
export function createStage() {
  const { name: app, stage: name } = $app;
  const { accountId } = aws.getCallerIdentityOutput();
  const { partition } = aws.getPartitionOutput();
  const { region } = aws.getRegionOutput();
  return {
    name,
    settings: settingsOf(name),
    /** It would be missed: its table, key and secret are neither removed nor replaced by a deployment. */
    kept: name === "prod",
    region,
    /** What raw resources are called; SST names its own. */
    nameOf: (part: string) => `${app}-${name}-${part}`,
    functionName: (part: Part) => `${app}-${name}-${part}`,
    /** The prefix of every secret. */
    secrets: `${app}/${name}`,
    arnOf: (service: string, rest: $util.Input<string>, at: $util.Input<string> = region) =>
      $interpolate`arn:${partition}:${service}:${at}:${accountId}:${rest}`,
    /** A policy that AWS keeps. */
    managedPolicy: (path: string) => $interpolate`arn:${partition}:iam::aws:policy/${path}`,
  };
}

export type Stage = ReturnType<typeof createStage>;
