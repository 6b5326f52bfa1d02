import type { LookupAddress } from "node:dns";
import { createServer } from "node:http";
import type { lookup } from "node:dns";
import { describe, expect, it } from "vitest";
import { createAddressGuard, guardedLookup } from "./address-guard.ts";
import { createSystemClock } from "./clock.ts";
import { listen } from "./http-fixture.ts";
import { createHttpFetch } from "./http.ts";

const guard = createAddressGuard();

describe("an address in the cloud", () => {
  it.each([
    ["169.254.169.254", "a cloud's metadata address"],
    ["169.254.170.23", "a cloud's metadata address"],
    ["100.100.100.200", "a cloud's metadata address"],
    ["fd00:ec2::254", "a cloud's metadata address"],
    ["fd00:ec2::23", "a cloud's metadata address"],
    ["::ffff:169.254.169.254", "a cloud's metadata address"],
    ["::ffff:a9fe:a9fe", "a cloud's metadata address"],
    ["64:ff9b::a9fe:a9fe", "a cloud's metadata address"],
    ["64:ff9b:1::a9fe:a9fe", "a cloud's metadata address"],
    ["2002:a9fe:a9fe::1", "a cloud's metadata address"],
    ["::ffff:0:169.254.169.254", "a cloud's metadata address"],
    ["192.0.0.192", "a cloud's metadata address"],
    ["168.63.129.16", "a cloud's metadata address"],
    ["fd20:ce::254", "a cloud's metadata address"],
    ["127.0.0.1", "this machine's own address"],
    ["127.9.9.9", "this machine's own address"],
    ["0.0.0.0", "this machine's own address"],
    ["::1", "this machine's own address"],
    ["::", "this machine's own address"],
    ["::ffff:127.0.0.1", "this machine's own address"],
    ["64:ff9b::7f00:1", "this machine's own address"],
    ["::127.0.0.1", "this machine's own address"],
    ["2002:7f00:1::", "this machine's own address"],
    ["::1%lo", "this machine's own address"],
    ["fe80::1", "no address of a host"],
    ["fe80::1%eth0", "no address of a host"],
    ["fec0::1", "no address of a host"],
    ["224.0.0.1", "no address of a host"],
    ["255.255.255.255", "no address of a host"],
    ["ff02::1", "no address of a host"],
  ])("%s is refused: %s", (address, reason) => {
    expect(guard(address)).toBe(reason);
  });
  it.each([
    "10.0.0.1",
    "172.31.255.1",
    "192.168.1.1",
    "8.8.8.8",
    "100.64.0.1",
    "fd12::1",
    "2600::1",
    "2002:808:808::1",
    "64:ff9b::808:808",
    "::ffff:10.0.0.1",
  ])("%s passes", (address) => {
    expect(guard(address)).toBeUndefined();
  });
  it("of this machine passes where that is allowed, a metadata address never", () => {
    const local = createAddressGuard({ allowLoopback: true });
    expect(local("127.0.0.1")).toBeUndefined();
    expect(local("169.254.169.254")).toBeDefined();
  });
});

describe("a name", () => {
  /** What a DNS server of somebody else's says. */
  const saying = (...addresses: string[]) => {
    const found = addresses.map((address): LookupAddress => ({ address, family: 4 }));
    return ((
      _host: string,
      _options: object,
      answer: (error: null, all: LookupAddress[]) => void,
    ) => answer(null, found)) as unknown as typeof lookup; // the overload that is called
  };
  const resolve = (dns: typeof lookup, all: boolean) =>
    new Promise((end) => {
      guardedLookup(guard, dns)("evil.example", { all }, (error, found) => end(error ?? found));
    });

  it("that resolves to a refused address is refused, also when it is one of several", async () => {
    for (const all of [true, false]) {
      const end = await resolve(saying("8.8.8.8", "169.254.169.254"), all);
      expect(String(end)).toBe(
        "TransportError: evil.example is 169.254.169.254, a cloud's metadata address: refused",
      );
    }
  });
  it("that resolves to others is given as asked: one address, or all", async () => {
    expect(await resolve(saying("8.8.8.8", "9.9.9.9"), false)).toBe("8.8.8.8");
    expect(await resolve(saying("8.8.8.8"), true)).toEqual([{ address: "8.8.8.8", family: 4 }]);
  });
});

it("a guarded fetch connects to nothing that is refused, by address or by name", async () => {
  const server = await listen(createServer((_request, response) => response.end("secret")));
  const clock = createSystemClock();
  const guarded = createHttpFetch({ clock, guard });
  for (const host of ["127.0.0.1", "localhost", "[::ffff:7f00:1]", "0x7f.1", "2130706433"]) {
    const get = guarded(`http://${host}:${server.port}/`);
    await expect(get, host).rejects.toMatchObject({ code: "ADDRESS_REFUSED" });
  }
  expect(server.sockets).toEqual([]);
  const allowed = createHttpFetch({ clock, guard: createAddressGuard({ allowLoopback: true }) });
  expect(await (await allowed(`http://localhost:${server.port}/`)).text()).toBe("secret");
  const proxy = {
    http: `http://127.0.0.1:${server.port}`,
    https: `http://127.0.0.1:${server.port}`,
  };
  const behind = createHttpFetch({ clock, guard, proxy });
  for (const url of ["http://169.254.169.254/", "https://[::ffff:a9fe:a9fe]/", "https://0x7f.1/"])
    await expect(behind(url), url).rejects.toMatchObject({ code: "ADDRESS_REFUSED" });
  for (const one of [guarded, allowed, behind]) one.close();
  await server.stop();
});
