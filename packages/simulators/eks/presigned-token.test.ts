// Why: the judge of tokens computes the signature by itself; what our own signer makes must pass it for as long as we use it,
// and nothing else may.
import { createEksToken } from "@runlet/kubernetes/eks-token";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { describe, expect, it } from "vitest";
import { verifyPresignedToken, type PresignedRules } from "./presigned-token.ts";

const credentials = { accessKeyId: "AKIDOWN", secretAccessKey: "s+/=", sessionToken: "t/+=" };
const principal = { arn: "arn:aws:iam::1:role/a", credentials };
const region = "eu-central-1";
const host = `sts.${region}.amazonaws.com`;
const rules: PresignedRules = {
  cluster: "east",
  region,
  stsHost: host,
  find: (keyId) => (keyId === "AKIDOWN" ? principal : undefined),
};

function setUp(signer = credentials, cluster = { name: "east", region }) {
  const clock = createVirtualClock();
  const stsUrl = `https://sts.${cluster.region}.amazonaws.com`;
  const token = createEksToken({ clock, credentials: async () => signer, stsUrl }, cluster);
  return { clock, token };
}

const edit = (token: string, change: (url: string) => string) => {
  const url = Buffer.from(token.replace("k8s-aws-v1.", ""), "base64url").toString();
  return `k8s-aws-v1.${Buffer.from(change(url)).toString("base64url")}`;
};

describe("a presigned token", () => {
  it("is good at every moment at which we would use it, for hours", async () => {
    const { clock, token } = setUp();
    const seen = new Set<string>();
    for (let minute = 0; minute < 120; minute++) {
      const text = await token();
      seen.add(text);
      expect(verifyPresignedToken(rules, text, clock.wallMs())).toBe(principal);
      // Also on a server whose clock is four minutes ahead.
      expect(verifyPresignedToken(rules, text, clock.wallMs() + 240_000)).toBe(principal);
      await clock.runFor(60_000);
    }
    expect(seen.size).toBe(12);
  });

  const other = { name: "west", region };
  it.each<[string, { wrong: string }, () => Promise<string>]>([
    [
      "for another cluster",
      { wrong: "its signature is not that of the key" },
      setUp(credentials, other).token,
    ],
    [
      "with another secret",
      { wrong: "its signature is not that of the key" },
      setUp({ ...credentials, secretAccessKey: "x" }).token,
    ],
    [
      "of an unknown key",
      { wrong: "nobody has the access key AKIDX" },
      setUp({ ...credentials, accessKeyId: "AKIDX" }).token,
    ],
    [
      "of another session",
      { wrong: "its session token is another" },
      setUp({ ...credentials, sessionToken: "x" }).token,
    ],
    [
      "for another region",
      { wrong: "its host is sts.us-east-1.amazonaws.com" },
      setUp(credentials, { name: "east", region: "us-east-1" }).token,
    ],
  ])("%s is refused", async (_what, wrong, token) => {
    const now = createVirtualClock().wallMs();
    expect(verifyPresignedToken(rules, await token(), now)).toEqual(wrong);
  });

  it.each<[RegExp | string, string, string]>([
    ["Action=GetCallerIdentity", "Action=GetSessionToken", "it asks for GetSessionToken"],
    ["X-Amz-Expires=60", "X-Amz-Expires=901", "it expires after 901 s"],
    ["X-Amz-Expires=60", "X-Amz-Expires=61", "its signature is not that of the key"],
    [host, "evil.example", "its host is evil.example"],
    ["/?", "/x?", "its path is /x"],
    ["?", "?Redirect=1&", "it has the parameter Redirect"],
    ["%3Bx-k8s-aws-id", "", "the cluster's name is not signed"],
  ])("with %s made %s is refused", async (from, to, wrong) => {
    const { clock, token } = setUp();
    const edited = edit(await token(), (url) => {
      expect(url).toContain(String(from));
      return url.replace(from, to);
    });
    expect(verifyPresignedToken(rules, edited, clock.wallMs())).toEqual({ wrong });
  });

  it("older than a quarter of an hour, or no token at all, is refused", async () => {
    const { clock, token } = setUp();
    const text = await token();
    const late = verifyPresignedToken(rules, text, clock.wallMs() + 901_000);
    expect(late).toEqual({ wrong: "it is 901 s old" });
    for (const odd of ["", "x", "k8s-aws-v1.", "k8s-aws-v1.bm8gdXJs"])
      expect(verifyPresignedToken(rules, odd, clock.wallMs())).toHaveProperty("wrong");
  });
});
