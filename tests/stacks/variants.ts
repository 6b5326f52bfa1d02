// Why: what a stage can be told changes roles, environments and networks; one variant uses all of it at once, the others
// none, or the most.
import type { SynthesisOptions } from "./synthesize.ts";

export interface Variant extends SynthesisOptions {
  name: string;
}

const partner = "arn:aws:iam::210987654321:role/runlet";

export const everySetting: Variant = {
  name: "a stage that uses every setting",
  stage: "every-setting",
  settings: {
    alarmEmail: "ops@example.com",
    scaleSetsMax: 2_000,
    restAfterMinutes: 10,
    // Two organisations by an App each, a third by a token, on another GitHub.
    webhooks: [
      { scope: "https://github.com/first-org" },
      { scope: "https://github.com/second-org" },
      { scope: "https://ghe.example.com/third-org", hookId: 7 },
    ],
    eksClusters: [
      { name: "east" },
      { name: "west", region: "us-west-2" },
      { name: "partner-1", roleArn: partner },
      { name: "partner-2", roleArn: partner },
    ],
    proxy: { https: "http://proxy.example.com:3128", noProxy: [".internal", "10.0.0.1"] },
    vpc: { securityGroups: ["sg-1"], privateSubnets: ["subnet-1", "subnet-2"] },
  },
};

export const variants: Variant[] = [
  { name: "prod", stage: "prod" },
  { name: "a stage for trying", stage: "try-1" },
  everySetting,
  { name: "the largest fleet", stage: "large", settings: { scaleSetsMax: 10_000 } },
];
