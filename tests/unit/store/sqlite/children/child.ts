/** Owns starting a TypeScript file as a process of its own and reading what it says line by line. */
import type { ExecutionContext } from 'ava';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The command line that runs one of the files beside this one. */
export function command(file: string, ...args: string[]): string[] {
  return [process.execPath, '--import=tsx', fileURLToPath(new URL(file, import.meta.url)), ...args];
}

export interface Child {
  process: ChildProcess;
  /** Lines of stdout; ends when the process has ended. */
  lines: AsyncIterableIterator<string>;
}

/** Starts a file; it is killed at the end of the test. */
export function start(t: ExecutionContext, file: string, ...args: string[]): Child {
  const [executable, ...rest] = command(file, ...args) as [string, ...string[]];
  const child = spawn(executable, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  return { process: child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Whether a program can be run here at all. */
export function has(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
