// Security items SEC11 and SEC16: from a cluster's address follows where a bearer token is sent.
import { expect, it } from "vitest";
import { parseServerUrl } from "./server-url.ts";

it.each([
  ["https://cluster.example.com", "https://cluster.example.com"],
  ["https://cluster.example.com:6443/", "https://cluster.example.com:6443"],
  ["https://10.0.0.1:6443/k8s/clusters/c-1/", "https://10.0.0.1:6443/k8s/clusters/c-1"],
  ["https://[fd12::1]:6443", "https://[fd12::1]:6443"],
  // A laptop's cluster; in the cloud it is refused when it is dialled.
  ["https://127.0.0.1:6443", "https://127.0.0.1:6443"],
])("%s is an address", (text, server) => {
  expect(parseServerUrl(text)).toBe(server);
});

it.each([
  ["http://cluster.example.com", "plain http"],
  ["ftp://cluster.example.com", "is not https"],
  ["cluster.example.com:6443", "is not https"],
  ["cluster", "is no URL"],
  ["https://", "is no URL"],
  ["https://a b", "blank or an odd character"],
  ["https://cluster\\@evil", "blank or an odd character"],
  ["https://user:pass@cluster", "user name or password"],
  ["https://cluster?x=1", "query or a fragment"],
  ["https://cluster#x", "query or a fragment"],
  ["https://169.254.169.254", "a cloud's metadata address"],
  ["https://2852039166", "a cloud's metadata address"],
  ["https://0xa9fea9fe", "a cloud's metadata address"],
  ["https://0xa9.0xfe.0xa9.0xfe", "a cloud's metadata address"],
  ["https://0251.0376.0251.0376", "a cloud's metadata address"],
  ["https://169.254.43518", "a cloud's metadata address"],
  ["https://[::ffff:169.254.169.254]", "a cloud's metadata address"],
  ["https://[64:ff9b::a9fe:a9fe]", "a cloud's metadata address"],
  ["https://[fd00:ec2::254]", "a cloud's metadata address"],
  ["https://metadata.google.internal", "a cloud's metadata address"],
  ["https://metadata.google.internal.", "a cloud's metadata address"],
  ["https://METADATA.google.internal", "a cloud's metadata address"],
  ["https://[fe80::1]", "no address of a host"],
  ["https://224.0.0.1", "no address of a host"],
])("%s is refused: %s", (text, words) => {
  const refused = parseServerUrl(text);
  expect(refused).toMatchObject({
    reason: expect.stringContaining(words),
    remedy: "give it as https://HOST:PORT",
  });
  expect(JSON.stringify(refused)).not.toContain("pass@");
});
