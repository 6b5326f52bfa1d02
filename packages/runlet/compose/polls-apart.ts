// Why: a poll is held for a minute and hundreds are open at once; an acknowledgement must not wait behind them, nor die
// with their connection. So polls have connections of their own. A poll is known by its capacity header
// (actions/scaleset session_client.go sends it with GET message only).
import type { Fetch } from "@runlet/runtime/fetch";

const pollHeader = "x-scalesetmaxcapacity";

/** A fetch that sends polls through one and everything else through the other. */
export function keepPollsApart(polls: Fetch, others: Fetch): Fetch {
  return (url, init) => {
    const names = Object.keys(init?.headers ?? {});
    const isPoll = names.some((name) => name.toLowerCase() === pollHeader);
    return (isPoll ? polls : others)(url, init);
  };
}
