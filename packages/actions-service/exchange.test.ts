// Why: whether a request may have been acted on decides whether it may be repeated; the transport says
// so by codes only.
import { describe, expect, test } from "vitest";
import { TransportError } from "@runlet/runtime/http-error";
import { exchange } from "./exchange.ts";
import { brokenBy } from "./scripted-server.ts";

const signal = new AbortController().signal;
const exchangeBreaking = (error: Error) =>
  exchange(() => Promise.reject(error), "https://ghes.test/", { signal });

describe("a transport error", () => {
  test.each([
    ["ECONNREFUSED", "not-connected"],
    ["ENOTFOUND", "not-connected"],
    ["CONNECT_TIMEOUT", "not-connected"],
    ["REFUSED_STREAM", "not-connected"],
    ["PROXY_502", "not-connected"],
    ["ECONNRESET", "connection-broken"],
    ["PING_TIMEOUT", "connection-broken"],
    ["ERR_HTTP2_GOAWAY_SESSION", "connection-broken"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "untrusted"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "untrusted"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "untrusted"],
    ["CERT_HAS_EXPIRED", "untrusted"],
    ["PROTOCOL", "untrusted"],
  ])("with the code %s is named %s, wherever in its causes the code is", async (code, came) => {
    expect(await exchangeBreaking(new TransportError("connect", code))).toMatchObject({ came });
    expect(await exchangeBreaking(brokenBy(code))).toMatchObject({ came });
    const deep = new Error("outer", { cause: brokenBy(code, "the reason") });
    expect(await exchangeBreaking(deep)).toMatchObject({ came, why: "the reason" });
  });

  test("without a code may have been acted on", async () => {
    const plain = await exchangeBreaking(new Error("odd"));
    expect(plain).toEqual({ came: "connection-broken", why: "odd" });
  });
});

test("an exchange that has been aborted sends nothing and rejects with the reason", async () => {
  const stopped = AbortSignal.abort(new Error("handing over"));
  let sent = 0;
  const fetch = () => {
    sent++;
    return Promise.resolve(new Response());
  };
  const late = exchange(fetch, "https://ghes.test/", { signal: stopped });
  await expect(late).rejects.toThrow("handing over");
  expect(sent).toBe(0);
});
