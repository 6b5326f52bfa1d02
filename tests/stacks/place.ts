// Why: where the deployment under test believes to be.
export const region = "eu-central-1";
export const accountId = "123456789012";
export const arnOf = (service: string, rest: string) =>
  `arn:aws:${service}:${region}:${accountId}:${rest}`;
