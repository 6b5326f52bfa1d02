/// <reference path="./.sst/platform/config.d.ts" />
// Why: SST finds the deployment here; what it consists of stands in stacks/.

export default $config({
  app(input) {
    const prod = input.stage === "prod";
    return {
      name: "runlet",
      home: "aws",
      version: "4.17.1",
      // What would be missed is kept; a stage for trying leaves nothing.
      removal: prod ? "retain" : "remove",
      protect: prod,
      providers: {
        aws: {
          version: "7.20.0",
          defaultTags: { tags: { app: "runlet", stage: input.stage } },
        },
      },
    };
  },
  async run() {
    const { deploy } = await import("./stacks/index.ts");
    return deploy();
  },
});
