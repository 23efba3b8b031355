/** Owns running the command `glambdar` as its user does: the real program, in a folder and with a config directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The program that `bin` in package.json names; it runs the compiled command line. */
export const PROGRAM = join(import.meta.dirname, '../../scripts/glambdar.mjs');

const LIMIT_MS = 40_000;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Buffer;
  env?: Record<string, string>;
  cwd?: string;
}

export class CommandLine {
  /** Folder the commands run in; removed by `remove`. */
  readonly folder = mkdtempSync(join(tmpdir(), 'glambdar-cli-'));
  readonly #url: () => string;
  readonly #program: string;

  /**
   * @param url the server, as GLAMBDAR_URL names it; asked at each command
   * @param program another one than the checkout's, such as an installed one
   */
  constructor(url: () => string, program: string = PROGRAM) {
    this.#url = url;
    this.#program = program;
  }

  /** Runs a command to its end. */
  run(args: string[], options: RunOptions = {}): Promise<Ended> {
    return ended(this.spawn([process.execPath, this.#program, ...args], options), options.input);
  }

  /** Runs a command on a pseudo-terminal; what it writes to the terminal is in `stdout`. */
  runOnTerminal(args: string[], options: RunOptions = {}): Promise<Ended> {
    const quoted = [process.execPath, this.#program, ...args].map(
      (word) => `'${word.replaceAll("'", "'\\''")}'`,
    );
    const terminal = ['script', '--quiet', '--return', '--command', quoted.join(' '), '/dev/null'];
    return ended(
      this.spawn(terminal, { ...options, env: { TERM: 'xterm-256color', ...options.env } }),
      options.input,
    );
  }

  /** Starts a program that goes on until it is ended. */
  spawn([program = '', ...args]: string[], { cwd, env }: RunOptions = {}): ChildProcess {
    return spawn(program, args, {
      cwd: cwd ?? this.folder,
      env: {
        PATH: process.env['PATH'],
        HOME: this.folder,
        XDG_CONFIG_HOME: join(this.folder, 'config'),
        GLAMBDAR_URL: this.#url(),
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function ended(child: ChildProcess, input: string | Buffer = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const output = { stdout: '', stderr: '' };
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...output });
    });
  });
}
