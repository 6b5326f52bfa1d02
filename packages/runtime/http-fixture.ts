// Why: TLS is tested against certificates made by OpenSSL and servers on real sockets. For tests only.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  certificatePem: string;
  keyPem: string;
}

/** A certificate authority in a folder of its own. */
export interface TestCa extends Certificate {
  issue(name: string, alternatives: string): Certificate;
  remove(): void;
}

const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A fresh CA named `name`, made by the openssl command. */
export function createTestCa(name: string): TestCa {
  const dir = mkdtempSync(join(tmpdir(), "runlet-ca-"));
  const file = (path: string) => join(dir, path);
  const openssl = (...args: string[]) => {
    execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
  };
  const subject = ["-subj", `/CN=${name}`];
  openssl("req", "-x509", ...ec, ...subject, "-days", "2", "-keyout", "ca.key", "-out", "ca.crt");
  const read = (stem: string): Certificate => ({
    certificatePem: readFileSync(file(`${stem}.crt`), "utf8"),
    keyPem: readFileSync(file(`${stem}.key`), "utf8"),
  });
  return {
    ...read("ca"),
    issue(common, alternatives) {
      writeFileSync(file("ext"), `subjectAltName=${alternatives}\n`);
      const wish = ["-subj", `/CN=${common}`, "-keyout", "leaf.key", "-out", "leaf.csr"];
      openssl("req", ...ec, ...wish);
      const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext"];
      openssl("x509", "-req", "-in", "leaf.csr", ...by, "-days", "2", "-out", "leaf.crt");
      return read("leaf");
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** A listening server, the sockets it was given, and its end. */
export interface Listening {
  port: number;
  /** Every connection so far, open or not. */
  sockets: Socket[];
  stop: () => Promise<void>;
}

/** Listens on a free loopback port. `stop` cuts what is still open. */
export async function listen(server: Server): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is never a string or null while it listens.
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port, sockets, stop };
}
