/** Owns how long it takes to replace instances: from each taking of a loaded one until another is there in its place. */

/** Takings remembered for one code; further ones are not counted, for they are replaced as slowly. */
const MOST = 256;

export class AwayTimes {
  /** When instances were taken and not replaced yet, by code key, the earliest first. */
  readonly #taken = new Map<string, number[]>();

  took(codeKey: string, now: number): void {
    const times = this.#taken.get(codeKey) ?? [];
    if (times.length < MOST) times.push(now);
    this.#taken.set(codeKey, times);
  }

  /** Another instance is there. Returns how long one was missing, in milliseconds; undefined when none was. */
  replaced(codeKey: string, now: number): number | undefined {
    const takenAt = this.#taken.get(codeKey)?.shift();
    return takenAt === undefined ? undefined : now - takenAt;
  }

  forget(codeKey: string): void {
    this.#taken.delete(codeKey);
  }
}
