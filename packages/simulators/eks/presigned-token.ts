// Why: a cluster of EKS knows who asks by a presigned call of STS GetCallerIdentity (kubernetes-sigs/aws-iam-authenticator,
// pkg/token/token.go). What that program and STS look at is looked at here: host, path, parameters, dates and the
// signature itself, computed anew by AWS's own recipe ("Create a signed AWS API request").
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { AwsPrincipal } from "./principals.ts";

export interface PresignedRules {
  cluster: string;
  region: string;
  /** Of STS as tokens name it, with its port where it has one. */
  stsHost: string;
  find(accessKeyId: string): AwsPrincipal | undefined;
}

const prefix = "k8s-aws-v1.";
/** Longest life of a token, whatever it says itself. */
const lifeMs = 15 * 60_000;
/** token.go, `parameterWhitelist`. */
const parameters = [
  "action",
  "version",
  "x-amz-algorithm",
  "x-amz-credential",
  "x-amz-date",
  "x-amz-expires",
  "x-amz-security-token",
  "x-amz-signature",
  "x-amz-signedheaders",
];

/** Who the token's signer is, or what is wrong with it. */
export function verifyPresignedToken(
  rules: PresignedRules,
  token: string,
  wallMs: number,
): AwsPrincipal | { wrong: string } {
  if (!token.startsWith(prefix)) return { wrong: `no ${prefix} at its beginning` };
  const url = URL.parse(Buffer.from(token.slice(prefix.length), "base64url").toString("utf8"));
  if (!url) return { wrong: "it holds no URL" };
  const wrong = wrongInUrl(rules, url, wallMs);
  if (wrong) return { wrong };
  const { keyId = "", day = "", scope = "" } = readCredential(url);
  if (scope !== `${rules.region}/sts/aws4_request`) return { wrong: `it is signed for ${scope}` };
  const principal = rules.find(keyId);
  if (!principal) return { wrong: `nobody has the access key ${keyId}` };
  const { secretAccessKey, sessionToken = null } = principal.credentials;
  if (url.searchParams.get("X-Amz-Security-Token") !== sessionToken)
    return { wrong: "its session token is another" };
  const expected = signatureOf(rules, url, { secretAccessKey, day });
  const given = Buffer.from(url.searchParams.get("X-Amz-Signature") ?? "");
  const isSame = given.length === expected.length && timingSafeEqual(given, expected);
  return isSame ? principal : { wrong: "its signature is not that of the key" };
}

function wrongInUrl(rules: PresignedRules, url: URL, wallMs: number): string | undefined {
  const query = url.searchParams;
  if (url.host !== rules.stsHost) return `its host is ${url.host}`;
  if (url.pathname !== "/") return `its path is ${url.pathname}`;
  const odd = [...query.keys()].find((key) => !parameters.includes(key.toLowerCase()));
  if (odd !== undefined) return `it has the parameter ${odd}`;
  if (query.get("Action") !== "GetCallerIdentity") return `it asks for ${query.get("Action")}`;
  const signed = query.get("X-Amz-SignedHeaders")?.split(";") ?? [];
  if (!signed.includes("x-k8s-aws-id")) return "the cluster's name is not signed";
  const expires = Number(query.get("X-Amz-Expires"));
  if (!(expires > 0 && expires <= 900)) return `it expires after ${expires} s`;
  const at = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "");
  if (!at) return "it has no date";
  const [, year, month, day, hour, minute, second] = at;
  const ageMs = wallMs - Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (ageMs > lifeMs) return `it is ${Math.round(ageMs / 1_000)} s old`;
  return ageMs < -5 * 60_000 ? "it is from the future" : undefined;
}

function readCredential(url: URL): { keyId?: string; day?: string; scope?: string } {
  const [keyId, day, ...scope] = (url.searchParams.get("X-Amz-Credential") ?? "").split("/");
  return { ...(keyId && { keyId }), ...(day && { day }), scope: scope.join("/") };
}

const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const mac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Signature Version 4 of `GET url` with the cluster's name as a signed header and an empty body, in hex. */
function signatureOf(
  { cluster, region, stsHost }: PresignedRules,
  url: URL,
  { secretAccessKey, day }: { secretAccessKey: string; day: string },
): Buffer {
  const query = [...url.searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&");
  const headers: Record<string, string> = { host: stsHost, "x-k8s-aws-id": cluster };
  const names = url.searchParams.get("X-Amz-SignedHeaders") ?? "";
  const lines = names.split(";").map((name) => `${name}:${headers[name] ?? ""}\n`);
  const canonical = ["GET", "/", query, lines.join(""), names, hash("")].join("\n");
  const date = url.searchParams.get("X-Amz-Date") ?? "";
  const scope = `${day}/${region}/sts/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, hash(canonical)].join("\n");
  const key = [day, region, "sts", "aws4_request"].reduce(
    mac,
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  return Buffer.from(mac(key, text).toString("hex"));
}
