// Why: a cluster in another account is reached with a role there: STS lends its credentials for an hour (AWS, AssumeRole).
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import type { AwsCredentials } from "@runlet/runtime/aws-sign";
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Fetch } from "@runlet/runtime/fetch";

export interface AwsAccount {
  fetch: Fetch;
  clock: Clock;
  /** Asked for each call. */
  credentials: () => Promise<AwsCredentials>;
  /** Of STS in a region: https://sts.REGION.amazonaws.com */
  stsUrl: (region: string) => string;
}

export interface RoleToAssume {
  roleArn: string;
  externalId?: string;
  region: string;
}

const limitMs = 5_000;
/** Borrowed anew this long before they end: a token that was signed with them (eks-token.ts) ends with them. */
const marginMs = 15 * 60_000;

/** The role's credentials: borrowed once for all who ask, and again before they end. */
export function createAssumedRole(
  account: AwsAccount,
  role: RoleToAssume,
): () => Promise<AwsCredentials> {
  let borrowed: { credentials: AwsCredentials; until: number } | undefined;
  let borrowing: Promise<AwsCredentials> | undefined;

  async function borrow(): Promise<AwsCredentials> {
    try {
      const lent = await assume(account, role);
      borrowed = { credentials: lent.credentials, until: lent.expiresAt - marginMs };
      return lent.credentials;
    } finally {
      borrowing = undefined;
    }
  }
  return async () => {
    if (borrowed && account.clock.wallMs() < borrowed.until) return borrowed.credentials;
    borrowing ??= borrow();
    return borrowing;
  };
}

async function assume(account: AwsAccount, { roleArn, externalId, region }: RoleToAssume) {
  const fetch = createAwsFetch(account, { service: "sts", region });
  const form = new URLSearchParams({
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: roleArn,
    RoleSessionName: "runlet",
    ...(externalId !== undefined && { ExternalId: externalId }),
  });
  return withDeadline(account.clock, limitMs, undefined, async (signal) => {
    const answer = await fetch(`${account.stsUrl(region)}/`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      signal,
    });
    const xml = await answer.text();
    if (answer.status === 200) return parseLent(xml);
    const said = [field(xml, "Code"), field(xml, "Message")].filter(Boolean).join(": ");
    throw new Error(`cannot assume ${roleArn}: ${said || `HTTP ${answer.status}`}`);
  });
}

/** The answer is small XML whose values are plain text (AWS, AssumeRole, "Examples"). */
function parseLent(xml: string) {
  const need = (name: string) => {
    const value = field(xml, name);
    if (!value) throw new Error(`STS's answer has no ${name}`);
    return value;
  };
  return {
    credentials: {
      accessKeyId: need("AccessKeyId"),
      secretAccessKey: need("SecretAccessKey"),
      sessionToken: need("SessionToken"),
    },
    expiresAt: Date.parse(need("Expiration")),
  };
}

function field(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
}
