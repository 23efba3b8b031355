/** Owns what /proc tells of processes: memory, descriptors, children. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

const KB_PER_MIB = 1024;

/** Memory of one process, shared pages divided by those who share them. MiB */
export function pssMb(pid: number): number {
  return lineKb(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') / KB_PER_MIB;
}

/** Memory of one process with all its shared pages. MiB */
export function rssMb(pid: number): number {
  return lineKb(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / KB_PER_MIB;
}

export interface Descriptors {
  all: number;
  sockets: number;
}

/** Open descriptors of one process. */
export function descriptors(pid: number): Descriptors {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  return { all: targets.length, sockets: targets.filter((target) => target.startsWith('socket:')).length };
}

/** The process and everything it started, itself first. */
export function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [pid];
  for (const member of found) found.push(...(children.get(member) ?? []));
  return found;
}

/** null when the process is gone. */
export function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return null;
  }
}

/** Average number of processes that wanted to run in the last minute. */
export function loadAverage(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}

function lineKb(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
  if (match === null) throw new Error(`/proc tells no ${name}`);
  return Number(match[1]);
}
