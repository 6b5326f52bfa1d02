// Why: the deployment at a glance: its parts, and what each is given of the others.
import { createAlarms } from "./alarms.ts";
import { grantClusterAccess } from "./cluster-access.ts";
import { createCoordination } from "./coordination.ts";
import { createDashboard } from "./dashboard.ts";
import { createLogQueries } from "./log-queries.ts";
import { createPoller } from "./poller.ts";
import { createSecrets } from "./secrets.ts";
import { createStage } from "./stage.ts";
import { createSweep } from "./sweep.ts";
import { createWebhook } from "./webhook.ts";

/** Declares everything; what it returns is printed after a deployment. */
export function deploy() {
  const stage = createStage();
  const secrets = createSecrets(stage);
  const coordination = createCoordination(stage);
  const parts = { stage, secrets, coordination };

  const sweep = createSweep(parts);
  const poller = createPoller(parts, sweep);
  const webhook = createWebhook(parts);
  grantClusterAccess(stage, { poller, sweep });

  const functions = { webhook, poller, sweep };
  createLogQueries(stage, functions);
  const alarms = createAlarms({ stage, functions, failed: coordination.failed });
  const dashboard = createDashboard({ stage, functions, alarmArns: alarms.arns });
  return {
    webhookUrl: $interpolate`${webhook.url}webhook`,
    webhookSecret: secrets.webhookName,
    table: coordination.table.name,
    alarms: alarms.topic.arn,
    dashboard: dashboard.dashboardName,
  };
}
