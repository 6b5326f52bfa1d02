// Why: AWS's services are asked over our own fetch with a signature, not through an SDK: an SDK client costs a
// function 370 kB and a fifth of a second of start (measured), and has proxies, time limits and retries of its own.
// Signature Version 4 (AWS, "Create a signed AWS API request") is what remains, and a small library does it.
import { AwsV4Signer } from "aws4fetch";

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface AwsRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** As credential scopes name it: dynamodb, kms, secretsmanager, lambda, sts. */
  service: string;
  region: string;
}

export interface SignedRequest {
  url: string;
  headers: Record<string, string>;
}

/** Signs by header: send the request's method and body with what is answered. `wallMs` may be off by 5 minutes. */
export function signAws(
  credentials: AwsCredentials,
  request: AwsRequest,
  wallMs: number,
): Promise<SignedRequest> {
  return sign(credentials, request, wallMs, {});
}

/** Signs by query: whoever has the URL (and sends the request's headers) can make the call until it lapses. */
export function presignAws(
  credentials: AwsCredentials,
  request: AwsRequest & { expiresSeconds: number },
  wallMs: number,
): Promise<SignedRequest> {
  const url = new URL(request.url);
  url.searchParams.set("X-Amz-Expires", String(request.expiresSeconds));
  const presigned = { ...request, url: url.href };
  return sign(credentials, presigned, wallMs, { signQuery: true, allHeaders: true });
}

async function sign(
  credentials: AwsCredentials,
  request: AwsRequest,
  wallMs: number,
  how: { signQuery?: boolean; allHeaders?: boolean },
): Promise<SignedRequest> {
  const datetime = new Date(wallMs).toISOString().replace(/[:-]|\.\d{3}/g, "");
  const signer = new AwsV4Signer({ ...request, ...credentials, ...how, datetime });
  const signed = await signer.sign();
  return { url: signed.url.href, headers: Object.fromEntries(signed.headers) };
}
