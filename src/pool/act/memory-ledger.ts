/** Owns how much memory idle instances take, as measured by the driver, and which of them do not keep still. */
import type { ContainerUsage } from '../../driver/driver.js';
import type { Instance } from '../../instance/instance.js';

const MIB = 1024 * 1024;
/** Until the first measurement: what a Node process and its shim took on the machine this was written on. */
const FIRST_GUESS_BYTES = 24 * MIB;
/** A new one is measured twice within seconds, which shows whether it keeps still; then now and then. */
const YOUNG_MS = 1_000;
const OLD_MS = 30_000;
const AT_ONCE = 16;
/** More CPU than this share of a core, and an idle instance is not idle. */
const RESTLESS_SHARE = 0.05;

interface Sample {
  bytes: number;
  cpuMs: number | null;
  /** When, and the `since` of the state it was in. */
  at: number;
  since: number;
  count: number;
}

export type MeasureMemory = (
  instances: readonly { id: string; uid: number }[],
) => Promise<Map<string, ContainerUsage>>;

export class MemoryLedger {
  readonly #measure: MeasureMemory;
  readonly #samples = new Map<string, Sample>();
  /** By what they hold: code key, or profile key of a standby. */
  readonly #typical = new Map<string, number>();
  #busy = false;

  constructor(measure: MeasureMemory) {
    this.#measure = measure;
  }

  /** What one with this code (or a standby of this profile) takes; a guess until one was measured. */
  typicalBytes(codeOrProfileKey: string): number {
    return this.#typical.get(codeOrProfileKey) ?? FIRST_GUESS_BYTES;
  }

  bytesOf(instance: Instance): number {
    return this.#samples.get(instance.id)?.bytes ?? this.typicalBytes(keyOf(instance));
  }

  /** Of all that are given. */
  sum(instances: readonly Instance[]): number {
    return instances.reduce((sum, instance) => sum + this.bytesOf(instance), 0);
  }

  /** Measures some of the idle ones, the least known first. Resolves with those that compute although nothing was asked of them. */
  async sample(idle: readonly Instance[], now: number): Promise<Instance[]> {
    if (this.#busy) return [];
    const due = idle
      .map((instance) => ({ instance, sample: this.#samples.get(instance.id), since: instance.since }))
      .filter(({ instance, sample }) =>
        sample
          ? now - sample.at >= (sample.count < 2 ? YOUNG_MS : OLD_MS) - 50
          : now - instance.since >= YOUNG_MS / 2,
      )
      .sort((a, b) => (a.sample?.at ?? 0) - (b.sample?.at ?? 0))
      .slice(0, AT_ONCE);
    this.#forget(idle);
    if (due.length === 0) return [];
    this.#busy = true;
    try {
      const usage = await this.#measure(due.map(({ instance: { id, uid } }) => ({ id, uid })));
      return due
        .filter(({ instance, sample, since }) =>
          this.#note(instance, since, sample, usage.get(instance.id), now),
        )
        .map(({ instance }) => instance);
    } finally {
      this.#busy = false;
    }
  }

  /** Returns whether it was restless since the sample before. @param since of the state it was in when it was asked about */
  #note(
    instance: Instance,
    since: number,
    before: Sample | undefined,
    usage: ContainerUsage | undefined,
    now: number,
  ): boolean {
    if (!usage) return false;
    const { memoryBytes: bytes, cpuMs } = usage;
    // A figure that is none would stay in every sum and average.
    if (!Number.isFinite(bytes)) return false;
    this.#samples.set(instance.id, { bytes, cpuMs, at: now, since, count: (before?.count ?? 0) + 1 });
    const key = keyOf(instance);
    const typical = this.#typical.get(key);
    this.#typical.set(key, typical === undefined ? bytes : typical + 0.3 * (bytes - typical));
    // A call between, or while it was measured, has had its CPU.
    if (instance.since !== since || before?.since !== since || before.cpuMs === null || cpuMs === null)
      return false;
    return cpuMs - before.cpuMs > RESTLESS_SHARE * (now - before.at);
  }

  #forget(idle: readonly Instance[]): void {
    const ids = new Set(idle.map(({ id }) => id));
    for (const id of this.#samples.keys()) if (!ids.has(id)) this.#samples.delete(id);
    // What is no longer there is guessed anew should it come back: keys of versions would pile up.
    if (this.#typical.size < 1_000) return;
    const keys = new Set(idle.map(keyOf));
    for (const key of this.#typical.keys()) if (!keys.has(key)) this.#typical.delete(key);
  }
}

function keyOf(instance: Instance): string {
  return instance.codeKey ?? instance.profileKey;
}
