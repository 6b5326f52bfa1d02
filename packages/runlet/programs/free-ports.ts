// Why: programs of others (etcd, kube-apiserver, DynamoDB Local) must be told their ports, and several may run at once.
import { createServer, type AddressInfo } from "node:net";

/** Three ports that were free a moment ago, held together so that they differ. */
export async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()];
  const ports = await Promise.all(
    servers.map((server) => {
      return new Promise<number>((resolve) => {
        // A listening TCP server's address is an object.
        server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
      });
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [a = 0, b = 0, c = 0] = ports;
  return [a, b, c];
}
