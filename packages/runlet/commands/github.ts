// Why: how Runlet is known to GitHub, scope by scope: an enterprise, an organization or a repository.
import { addGithub, checkScope, listGithub, removeGithub, rotateGithub } from "./github-verbs.ts";
import { placeHelp } from "./place.ts";
import { createVerbs } from "./verbs.ts";

const help = `runlet github: credentials for enterprises, organizations and repositories

usage: npx runlet github add | rotate SCOPE_URL --token-file FILE
       npx runlet github add | rotate SCOPE_URL --app-id N --installation-id N --key-file FILE
       npx runlet github add | rotate SCOPE_URL --from-secret CLUSTER/NS/NAME [--kubeconfig FILE]
                         [--ca FILE] [--proxy URL] [--webhook-url URL] [--webhook-secret-file FILE]
       npx runlet github rotate SCOPE_URL --webhook-secret-file FILE
       npx runlet github check SCOPE_URL [--webhook-url URL] [--webhook-secret-file FILE]
       npx runlet github list
       npx runlet github remove SCOPE_URL

SCOPE_URL is what githubConfigUrl says, e.g. https://github.com/my-org. Permissions, webhook and its secret are tried
by calling; where something is missing, what to click is printed. A credential that GitHub refuses is not kept.

  --token-file FILE           a personal access token
  --app-id N                  a GitHub App's id (or client id), with --installation-id N and --key-file FILE (PEM)
  --from-secret CLUSTER/NS/NAME  what ARC's githubConfigSecret holds in a registered cluster
  --kubeconfig FILE           of somebody who may read that Secret; the control plane may not
  --ca FILE                   PEM to trust for a GitHub Enterprise Server
  --proxy URL                 the proxy on the way to this GitHub
  --webhook-url URL           where GitHub sends to (default: a stage's own); the webhook is looked for and tried
  --webhook-secret-file FILE  its secret; for a stage it is kept, beside the one before
  --json                      the answer as one JSON object

${placeHelp}

Exit codes: 0, 2 for a mistake in the call, 1 for everything else, also when something is found wrong.
`;

export const githubCommand = createVerbs({
  name: "github",
  summary: "credentials for GitHub: add, list, check, rotate, remove",
  help,
  options: {
    "token-file": { type: "string" },
    "app-id": { type: "string" },
    "installation-id": { type: "string" },
    "key-file": { type: "string" },
    "from-secret": { type: "string" },
    kubeconfig: { type: "string" },
    ca: { type: "string" },
    proxy: { type: "string" },
    "webhook-url": { type: "string" },
    "webhook-secret-file": { type: "string" },
  },
  verbs: {
    add: addGithub,
    list: listGithub,
    check: checkScope,
    rotate: rotateGithub,
    remove: removeGithub,
  },
});
