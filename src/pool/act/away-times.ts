/** Owns how long what calls take is away: from each taking of an instance until another is there in its place. */

/** Beyond this the first are known and the others not counted: they will be replaced as slowly. */
const MOST = 256;

export class AwayTimes {
  /** By code key, the first first. */
  readonly #taken = new Map<string, number[]>();

  took(codeKey: string, now: number): void {
    const times = this.#taken.get(codeKey) ?? [];
    if (times.length < MOST) times.push(now);
    this.#taken.set(codeKey, times);
  }

  /** Another is there. Returns how long, in milliseconds; undefined when none was missing. */
  replaced(codeKey: string, now: number): number | undefined {
    const takenAt = this.#taken.get(codeKey)?.shift();
    return takenAt === undefined ? undefined : now - takenAt;
  }

  forget(codeKey: string): void {
    this.#taken.delete(codeKey);
  }
}
