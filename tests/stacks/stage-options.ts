// Why: what a stage may be told (stacks/settings.ts), as the tests say it. That file belongs to another project of
// TypeScript's, so its type cannot be taken; what is wrong here is refused when the deployment is put together.

export interface StageOptions {
  alarmEmail?: string;
  scaleSetsMax?: number;
  restAfterMinutes?: number;
  webhooks?: { scope: string; hookId?: number }[];
  eksClusters?: { name: string; region?: string; roleArn?: string }[];
  proxy?: { https: string; noProxy?: string[] };
  vpc?: { securityGroups: string[]; privateSubnets: string[] };
}
