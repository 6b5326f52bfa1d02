// Why: before a hand-over or a rest every turn under way must end and no new one may begin, while the polls stay
// open. The gate counts who is inside.

export interface Gate {
  /** Runs `turn` inside; undefined, without running it, while the gate is closed. */
  pass<T>(turn: () => Promise<T>): Promise<T | undefined>;
  /** Lets nobody in any more; resolves when the last one is out. */
  close(): Promise<void>;
  open(): void;
  /** Resolves when the gate is open. Never, if it is not opened again. */
  opened(): Promise<void>;
  isOpen(): boolean;
}

export function createGate(): Gate {
  let open = true;
  let inside = 0;
  const onEmpty: (() => void)[] = [];
  const onOpen: (() => void)[] = [];

  return {
    async pass(turn) {
      if (!open) return undefined;
      inside++;
      try {
        return await turn();
      } finally {
        inside--;
        if (inside === 0) onEmpty.splice(0).forEach((resolve) => resolve());
      }
    },
    close() {
      open = false;
      if (inside === 0) return Promise.resolve();
      return new Promise((resolve) => onEmpty.push(resolve));
    },
    open() {
      open = true;
      onOpen.splice(0).forEach((resolve) => resolve());
    },
    opened: () => (open ? Promise.resolve() : new Promise((resolve) => onOpen.push(resolve))),
    isOpen: () => open,
  };
}
