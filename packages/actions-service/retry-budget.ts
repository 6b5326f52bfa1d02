// Why: retries help against a lost packet and do harm in an outage. A client may spend a few tokens, and
// earns them back by success alone, so that in a full outage calls grow by a constant, not by a factor
// (invariant I21; the manner of gRPC's retry throttling, proposal A6).

export interface RetryBudget {
  /** Spends a token. False: no retry now. */
  take(): boolean;
  /** A call succeeded. */
  earn(): void;
}

export function createRetryBudget(
  options: { tokensMax: number; earned: number } = { tokensMax: 5, earned: 0.2 },
): RetryBudget {
  let tokens = options.tokensMax;
  return {
    take() {
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    earn() {
      tokens = Math.min(options.tokensMax, tokens + options.earned);
    },
  };
}
