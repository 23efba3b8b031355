/** Owns how much memory idle instances take, as the driver measures it, and which idle instances compute without a call. */
import type { ContainerUsage } from '../../driver/driver.js';
import type { Instance } from '../../instance/instance.js';
import { Ewma } from '../../ewma.js';

const MIB = 1024 * 1024;
/** Assumed size of an instance before any was measured: that of a Node process and its containerd shim. */
const FIRST_GUESS_BYTES = 24 * MIB;
/** A new instance is measured twice within seconds, which shows whether it computes; later every half minute. */
const YOUNG_MS = 1_000;
const OLD_MS = 30_000;
const AT_ONCE = 16;
/** Weight of the latest measurement in the usual size. */
const TYPICAL_WEIGHT = 0.3;
/** An idle instance that uses more than this share of a core computes although nothing was asked of it. */
const RESTLESS_SHARE = 0.05;

interface Sample {
  bytes: number;
  cpuMs: number | null;
  /** When the sample was taken, and since when the instance was in the state it then had; monotonic milliseconds. */
  at: number;
  since: number;
  count: number;
}

/** What the ledger must know of an instance to look up its size. */
type Measured = Pick<Instance, 'id' | 'codeKey' | 'intendedFor' | 'profileKey'>;

export type MeasureMemory = (
  instances: readonly { id: string; uid: number }[],
) => Promise<Map<string, ContainerUsage>>;

export class MemoryLedger {
  readonly #measure: MeasureMemory;
  readonly #samples = new Map<string, Sample>();
  /** The usual size of instances that hold the same: by code key, or by profile key for standbys. */
  readonly #typical = new Map<string, Ewma>();
  #busy = false;

  constructor(measure: MeasureMemory) {
    this.#measure = measure;
  }

  /** Bytes that an instance with this code, or a standby of this profile, takes; a guess until one was measured. */
  typicalBytes(codeOrProfileKey: string): number {
    return this.#typical.get(codeOrProfileKey)?.value ?? FIRST_GUESS_BYTES;
  }

  bytesOf(instance: Measured): number {
    return this.#samples.get(instance.id)?.bytes ?? this.typicalBytes(keyOf(instance));
  }

  /** Bytes that all these instances take together. */
  sum(instances: readonly Measured[]): number {
    return instances.reduce((sum, instance) => sum + this.bytesOf(instance), 0);
  }

  /** Measures some of the idle instances, the longest unmeasured first. Resolves with those that compute without a call. */
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
      const usage = await this.#measure(due.flatMap(({ instance }) => instance.containers));
      return due
        .filter(({ instance, sample, since }) =>
          this.#note(instance, since, sample, usageOf(instance, usage), now),
        )
        .map(({ instance }) => instance);
    } finally {
      this.#busy = false;
    }
  }

  /** Returns whether the instance computed since its last sample. @param since its `since` when the measurement began */
  #note(
    instance: Instance,
    since: number,
    before: Sample | undefined,
    usage: ContainerUsage | undefined,
    now: number,
  ): boolean {
    if (!usage) return false;
    const { memoryBytes: bytes, cpuMs } = usage;
    // A NaN would stay in every sum and average.
    if (!Number.isFinite(bytes)) return false;
    this.#samples.set(instance.id, { bytes, cpuMs, at: now, since, count: (before?.count ?? 0) + 1 });
    const key = keyOf(instance);
    const typical = this.#typical.get(key) ?? new Ewma(TYPICAL_WEIGHT);
    typical.add(bytes);
    this.#typical.set(key, typical);
    // A call between the samples, or during the measurement, has used CPU of its own.
    if (instance.since !== since || before?.since !== since || before.cpuMs === null || cpuMs === null)
      return false;
    return cpuMs - before.cpuMs > RESTLESS_SHARE * (now - before.at);
  }

  #forget(idle: readonly Instance[]): void {
    const ids = new Set(idle.map(({ id }) => id));
    for (const id of this.#samples.keys()) if (!ids.has(id)) this.#samples.delete(id);
    // Keys of old versions would pile up. If forgotten code comes back, its size is guessed anew.
    if (this.#typical.size < 1_000) return;
    const keys = new Set(idle.map(keyOf));
    for (const key of this.#typical.keys()) if (!keys.has(key)) this.#typical.delete(key);
  }
}

function keyOf({ codeKey, intendedFor, profileKey }: Measured): string {
  return codeKey ?? intendedFor ?? profileKey;
}

/** What all containers of an instance take; undefined when one of them could not be measured. */
function usageOf(
  { containers }: Pick<Instance, 'containers'>,
  usage: ReadonlyMap<string, ContainerUsage>,
): ContainerUsage | undefined {
  const sum: ContainerUsage = { memoryBytes: 0, cpuMs: 0 };
  for (const { id } of containers) {
    const one = usage.get(id);
    if (one === undefined) return undefined;
    sum.memoryBytes += one.memoryBytes;
    sum.cpuMs = sum.cpuMs === null || one.cpuMs === null ? null : sum.cpuMs + one.cpuMs;
  }
  return sum;
}
