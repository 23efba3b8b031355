/** Owns saying on what it was measured: figures of two machines are not comparable. */
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { loadAverage } from './process-figures.js';
import type { RawEngine } from './raw-engine.js';

export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memoryMb: number;
  kernel: string;
  docker: string;
  node: string;
  /** Processes that wanted to run in the minute before. */
  loadBefore: number;
}

export async function describeMachine(engine: RawEngine): Promise<Machine> {
  const { Version } = await engine.get<{ Version: string }>('/version');
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    kernel: release(),
    docker: Version,
    node: process.version,
    loadBefore: loadAverage(),
  };
}

/** From here on somebody else's work is measured, too. */
const BUSY = 0.8;

/** One line for a person. */
export function machineText({
  cpu,
  cores,
  memoryMb,
  kernel,
  docker,
  node,
  date,
  loadBefore,
}: Machine): string {
  const load = `load ${loadBefore}${loadBefore > BUSY ? ': NOT IDLE, times are not to be trusted' : ''}`;
  return `${cpu}, ${cores} cores, ${memoryMb} MiB · Linux ${kernel} · Docker ${docker} · Node ${node} · ${date} · ${load}`;
}
