// Why: a price is somebody else's, and changes. All of them stand here, with the page that names them and the day on which
// they were noted; nothing else in the repository knows one.

export interface Price {
  /** US dollars … */
  usd: number;
  /** … for so much. */
  per: string;
  source: string;
}

/** The day on which the prices were noted; read the pages again before you rely on a figure. */
export const pricesNotedOn = "2026-11-24";

/** us-east-1 (N. Virginia), on demand, without free tiers. A month has 730 hours. */
export const prices = {
  lambdaGbSecond: price(0.0000133334, "GB-second, arm64", "lambda/pricing"),
  lambdaRequest: price(0.2 / 1e6, "invocation", "lambda/pricing"),
  scheduleRun: price(1 / 1e6, "run of a schedule", "eventbridge/pricing"),
  tableRead: price(
    0.125 / 1e6,
    "read unit (4 kB, strongly consistent)",
    "dynamodb/pricing/on-demand",
  ),
  tableWrite: price(0.625 / 1e6, "write unit (1 kB)", "dynamodb/pricing/on-demand"),
  tableGb: price(0.25, "GB and month", "dynamodb/pricing/on-demand"),
  tableBackupGb: price(
    0.2,
    "GB and month, for point-in-time recovery",
    "dynamodb/pricing/on-demand",
  ),
  secret: price(0.4, "secret and month", "secrets-manager/pricing"),
  secretRead: price(0.05 / 1e4, "call", "secrets-manager/pricing"),
  key: price(1, "KMS key and month", "kms/pricing"),
  keyUse: price(0.03 / 1e4, "call", "kms/pricing"),
  logGb: price(0.5, "GB written", "cloudwatch/pricing"),
  logStoredGb: price(0.03, "GB and month", "cloudwatch/pricing"),
  metric: price(0.3, "series of a custom metric and month, by the hour", "cloudwatch/pricing"),
  alarmMetric: price(0.1, "metric that an alarm looks at and month", "cloudwatch/pricing"),
  dashboard: price(3, "dashboard and month", "cloudwatch/pricing"),
  dataOutGb: price(0.09, "GB sent to the internet", "ec2/pricing/on-demand"),
  fargateVcpuHour: price(0.03238, "vCPU-hour, arm64", "fargate/pricing"),
  fargateGbHour: price(0.00356, "GB-hour, arm64", "fargate/pricing"),
  publicAddressHour: price(0.005, "hour of a public IPv4 address", "vpc/pricing"),
  nodeHour: price(0.0816, "hour of an m7g.large", "ec2/pricing/on-demand"),
} as const satisfies Record<string, Price>;

export const monthHours = 730;
export const monthMs = monthHours * 3_600_000;

/** An account's first 100 GB to the internet in a month are free, whoever sends them. */
export const dataOutFreeGb = 100;

function price(usd: number, per: string, page: string): Price {
  return { usd, per, source: `https://aws.amazon.com/${page}/` };
}
