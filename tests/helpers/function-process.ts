/** Owns a function in a real worker process, over the real wire, without pool or container. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  LoadFailure,
  WorkerConnection,
  type WorkerAnswer,
} from '../../src/instance/wire/worker-connection.js';
import { listenInSlot } from '../../src/instance/slot-socket.js';
import { workerContainer } from '../../src/instance/worker-container.js';
import type {
  ErrorMessage,
  InvokeMessage,
  LoadMessage,
  ResponseMessage,
  SerializedError,
} from '../../worker/node/protocol.cjs';
import { answerOf } from './answer-of.js';
import { FakeDriver } from './fake-driver.js';
import { workerRuntime } from './worker-runtime.js';

/** Processes alive at once: AVA begins all tests of a file together, and each holds 40 MB. */
const PLACES = 6;
let taken = 0;
const queue: (() => void)[] = [];

/** Path in the bundle → content. */
export type Files = Record<string, string>;

export interface Answer {
  message: ResponseMessage;
  /** The body as text. */
  text: string;
  body: Buffer;
}

export class FunctionProcess {
  readonly driver = new FakeDriver();
  readonly logs: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  connection!: WorkerConnection;
  readonly #slotDir = mkdtempSync(join(tmpdir(), 'glambdar-slot-'));
  #calls = 0;

  /**
   * A worker that is ready and has no code yet.
   * @param main the worker's `main.cjs` if it is another than ours
   */
  static async start(t: ExecutionContext, main?: string): Promise<FunctionProcess> {
    taken += 1;
    if (taken > PLACES) await new Promise<void>((resolve) => queue.push(resolve));
    const started = new FunctionProcess();
    if (main !== undefined) started.driver.inhabitant = { program: `require(${JSON.stringify(main)})` };
    t.teardown(async () => {
      await started.driver.close();
      taken -= 1;
      queue.shift()?.();
      rmSync(started.#slotDir, { recursive: true, force: true });
    });
    const slot = listenInSlot(started.#slotDir);
    const { signal } = new AbortController();
    const profile = { runtime: 'node', memoryMb: 128, cpus: 1, network: 'none', cpuSeconds: 60 } as const;
    const container = {
      id: 'worker',
      runtime: workerRuntime,
      profile,
      slotDir: started.#slotDir,
      uid: 1,
    };
    await started.driver.start(workerContainer(container), signal);
    started.connection = new WorkerConnection(await slot.accept(signal), 8 * 1024 * 1024);
    await started.connection.ready();
    return started;
  }

  /** A worker with the files of a function loaded. A string is `index.js`. */
  static async load(
    t: ExecutionContext,
    files: Files | string,
    options: Partial<LoadMessage> = {},
  ): Promise<FunctionProcess> {
    const started = await FunctionProcess.start(t);
    await started.load(files, options);
    return started;
  }

  /** How loading these files fails. */
  static async loadError(
    t: ExecutionContext,
    files: Files | string,
    options: Partial<LoadMessage> = {},
  ): Promise<SerializedError> {
    const failure = await t.throwsAsync(FunctionProcess.load(t, files, options), { instanceOf: LoadFailure });
    return failure.error;
  }

  async load(files: Files | string, options: Partial<LoadMessage> = {}): Promise<void> {
    const root = join(this.#slotDir, 'function');
    mkdirSync(root);
    for (const [path, content] of Object.entries(typeof files === 'string' ? { 'index.js': files } : files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    await this.connection.load(
      {
        type: 'load',
        id: 'load',
        name: 'hello',
        memoryMb: 128,
        handler: null,
        contract: 'glambdar',
        env: {},
        ...options,
      },
      this.#sink,
    );
  }

  /** One call. `logs` begins anew. */
  async call(request: Partial<InvokeMessage> & { body?: string | Buffer } = {}): Promise<WorkerAnswer> {
    this.#calls += 1;
    Object.assign(this.logs, { stdout: '', stderr: '' });
    const { body = '', ...fields } = request;
    const message: InvokeMessage = {
      type: 'invoke',
      id: `wire-${this.#calls}`,
      invocationId: `call-${this.#calls}`,
      version: 3,
      method: 'POST',
      path: '/',
      query: '',
      headers: [],
      timeoutMs: 30_000,
      maxResponseBytes: 1024 * 1024,
      ...fields,
    };
    return answerOf(this.connection, message, Buffer.from(body as string), this.#sink);
  }

  /** A call that answers. */
  async answer(request: Parameters<FunctionProcess['call']>[0] = {}): Promise<Answer> {
    const result = await this.call(request);
    if (result.message.type === 'error')
      throw new Error(
        `${result.message.kind}: ${result.message.error.message}\n${result.message.error.stack}`,
      );
    const { body } = result as { body: Buffer };
    return { message: result.message, body, text: body.toString() };
  }

  /** What a call that answers JSON answered. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test knows the shape of its own function's answers
  async json(request: Parameters<FunctionProcess['call']>[0] = {}): Promise<any> {
    return JSON.parse((await this.answer(request)).text);
  }

  /** A call that fails. */
  async failure(request: Parameters<FunctionProcess['call']>[0] = {}): Promise<ErrorMessage> {
    const { message } = await this.call(request);
    if (message.type !== 'error') throw new Error('the call did not fail');
    return message;
  }

  #sink = (stream: 'stdout' | 'stderr', text: Buffer): void => {
    this.logs[stream] += text.toString();
  };
}
