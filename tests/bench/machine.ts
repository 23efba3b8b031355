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
  /** Of the minute before; more than 0.5 means that the figures are not to be trusted. */
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
