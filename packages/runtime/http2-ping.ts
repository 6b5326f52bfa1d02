// Why: an HTTP/2 connection whose peer has vanished looks like one with nothing to say. A ping each ten
// to fifteen seconds tells them apart; a missed answer ends the connection, so that its polls move on.
import type { ClientHttp2Session } from "node:http2";
import type { Clock } from "./clock.ts";
import { TransportError } from "./http-error.ts";

export interface Heartbeat {
  /** A stream was opened. */
  begin(): void;
  /** No stream is open: nobody would notice, so nobody asks. */
  pause(): void;
  stop(): void;
}

interface PingOptions {
  clock: Clock;
  pingEveryMs: number;
  pingTimeoutMs: number;
}

/** Pings `session` while streams are open, and destroys it when an answer fails to come. */
export function keepAlive(session: ClientHttp2Session, options: PingOptions): Heartbeat {
  const { clock, pingEveryMs, pingTimeoutMs } = options;
  let cancel = () => {};
  let beating = false;
  let heardAt = clock.nowMs();

  const lost = () => {
    const why = `the connection answered no ping within ${pingTimeoutMs} ms`;
    session.destroy(new TransportError(why, "PING_TIMEOUT"));
  };
  const wait = () => {
    cancel = clock.after(pingEveryMs, ping);
  };
  function ping() {
    if (session.destroyed) return;
    const answered = () => {
      heardAt = clock.nowMs();
      cancel();
      if (beating) wait();
    };
    cancel = clock.after(pingTimeoutMs, lost);
    // An error means the session is closing; its own events say so.
    session.ping((error) => (error ? cancel() : answered()));
  }
  return {
    begin() {
      if (beating) return;
      beating = true;
      cancel();
      // After a long silence (an idle hour, a frozen sandbox) ask at once what became of the peer.
      if (clock.nowMs() - heardAt >= pingEveryMs) ping();
      else wait();
    },
    pause() {
      beating = false;
      cancel();
    },
    stop() {
      beating = false;
      cancel();
    },
  };
}
