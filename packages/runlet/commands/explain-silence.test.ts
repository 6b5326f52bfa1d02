import { KubernetesError } from "@runlet/kubernetes/client";
import { TransportError } from "@runlet/runtime/http-error";
import { expect, it } from "vitest";
import { explainSilence } from "./explain-silence.ts";

const answered = (status: number) =>
  new KubernetesError(`list namespaces: ${status} said so`, { status, reason: "R" });
const broken = (code: string) =>
  new KubernetesError(
    "list namespaces: broken",
    { status: 0, reason: "Unreachable" },
    { cause: new TransportError(`connect to https://c: ${code}`, code) },
  );

it.each<[string, unknown, RegExp]>([
  [
    "an ended token",
    answered(401),
    /refuses our account .* runlet cluster rotate east --kubeconfig FILE$/,
  ],
  ["a right that was taken", answered(403), /may not .* runlet cluster grant east$/],
  ["a server's error", answered(500), /answers with an error \(list namespaces: 500 said so\)$/],
  [
    "another CA",
    broken("SELF_SIGNED_CERT_IN_CHAIN"),
    /certificate .* runlet cluster rotate east --kubeconfig FILE$/,
  ],
  [
    "a refused address",
    broken("ADDRESS_REFUSED"),
    /no way into .* runlet cluster rotate east --kubeconfig FILE$/,
  ],
  ["silence", broken("ECONNREFUSED"), /does not answer from here .*ECONNREFUSED.* API server up/],
  ["anything", new Error("no answer within 10 ms"), /does not answer from here/],
])("says of %s what it means and what to type", (_what, error, words) => {
  const row = { name: "east", accessRef: "secret:clusters/east" };
  expect(explainSilence(row, error)).toMatch(words);
});

it("says of a cluster of EKS where its way in is made", () => {
  const row = { name: "east", accessRef: "eks:eu-central-1/prod" };
  expect(explainSilence(row, answered(401))).toMatch(/access entries in EKS/);
});

it("says of a cluster that runlet local was given by a flag that it starts again with another file", () => {
  const row = { name: "east", accessRef: "east" };
  expect(explainSilence(row, answered(401))).toMatch(
    /npx runlet cluster grant east .* start again with --kubeconfig east=FILE$/,
  );
});
