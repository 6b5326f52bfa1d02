import { expect, it } from "vitest";
import { formatAccessRef, parseAccessRef, type AccessRef } from "./access-ref.ts";

it.each<AccessRef>([
  { kind: "secret", name: "runlet/prod/clusters/east" },
  { kind: "eks", region: "eu-central-1", name: "east_1" },
  {
    kind: "eks",
    region: "us-gov-west-1",
    name: "e",
    roleArn: "arn:aws:iam::210987654321:role/a/b+c",
  },
  {
    kind: "eks",
    region: "eu-west-1",
    name: "e",
    roleArn: "arn:aws:iam::1:role/x",
    externalId: "a&b=c",
  },
])("a reference to an access is read as it was written: %j", (ref) => {
  expect(parseAccessRef(formatAccessRef(ref))).toEqual(ref);
});

it.each([
  "east",
  "",
  "secret:",
  "secret:a b",
  "eks:east",
  "eks:/east",
  "eks:eu-west-1/-x",
  "https://x",
])("%j is no reference", (text) => {
  expect(parseAccessRef(text)).toBeUndefined();
});
