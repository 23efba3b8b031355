/** Owns the words of a check: what was looked at, whether it is well, and what to do when it is not. */

export interface Finding {
  /** What was looked at, in a few words. */
  title: string;
  ok: boolean;
  /** What was found. */
  found: string;
  /** What to do; empty when all is well. */
  remedy: string;
}

export function well(title: string, found: string): Finding {
  return { title, ok: true, found, remedy: '' };
}

export function wrong(title: string, found: string, remedy: string): Finding {
  return { title, ok: false, found, remedy };
}

/** Well or wrong by a condition. */
export function judged(title: string, ok: boolean, found: string, remedy: string): Finding {
  return ok ? well(title, found) : wrong(title, found, remedy);
}
