// Why: the seam of every protocol we speak is the wire. Clients take a Fetch; a test hands them an
// in-process server's, production hands them http.ts. The answer is a web Response with a streamed body.

export interface FetchInit {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Aborting ends the call, also while the body is read, and rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Called when a connection is there, in the same step in which the request is written: what it throws rejects the
   * call, and nothing has been sent. A process that was frozen while it connected must not send on waking.
   */
  beforeSend?: () => void;
}

/** One HTTP exchange. Rejects only for transport failures and aborts, never for a status. */
export type Fetch = (url: string, init?: FetchInit) => Promise<Response>;
