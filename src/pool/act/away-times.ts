/** Owns how long it takes to replace instances: from a call taking a loaded instance until another is loaded in its place. */

/** Taken instances remembered for one code; further ones are not counted, because their replacement takes as long. */
const MOST = 256;

export class AwayTimes {
  /** When instances were taken and not replaced yet, by code key, the earliest first. */
  readonly #taken = new Map<string, number[]>();

  took(codeKey: string, now: number): void {
    const times = this.#taken.get(codeKey) ?? [];
    if (times.length < MOST) times.push(now);
    this.#taken.set(codeKey, times);
  }

  /** Another instance is loaded. Returns how long the one it replaces was missing, in milliseconds; undefined when none was. */
  replaced(codeKey: string, now: number): number | undefined {
    const takenAt = this.#taken.get(codeKey)?.shift();
    return takenAt === undefined ? undefined : now - takenAt;
  }

  forget(codeKey: string): void {
    this.#taken.delete(codeKey);
  }
}
