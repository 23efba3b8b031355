/**
 * Owns the history of one function under load, in the manner of Jepsen: clients note what they asked and what came, and
 * a checker looks for an answer that no order of events explains.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, ServerProcess } from './server-process.js';

/** From the request's start to its answer, by the test's own clock: what it asked for happened somewhere between. */
interface Span {
  startedAt: number;
  endedAt: number;
}

/** One version answers with its number; 0 stands for a function that is not there. */
interface Change extends Span {
  version: number;
}

interface Call extends Span {
  answer: Answer;
}

export class CallHistory {
  readonly #server: ServerProcess;
  readonly #name: string;
  readonly #changes: Change[] = [{ version: 0, startedAt: 0, endedAt: 0 }];
  readonly #calls: Call[] = [];
  readonly #cut: string[] = [];

  constructor(server: ServerProcess, name: string) {
    this.#server = server;
    this.#name = name;
  }

  /** Deploys a version whose calls answer with a number of its own, one higher than the last. */
  async deploy(fields: Record<string, unknown> = {}): Promise<void> {
    const version = 1 + Math.max(...this.#changes.map((change) => change.version));
    const source = `exports.handler = () => ({ body: ${version} });`;
    await this.#change(version, () => this.#server.deployed(this.#name, source, fields));
  }

  async remove(): Promise<void> {
    await this.#change(0, async () => {
      const answer = await this.#server.request(`/del/${this.#name}`, {
        method: 'DELETE',
        timeoutMs: 60_000,
      });
      if (answer.status !== 200) throw new Error(`not deleted: ${answer.status} ${answer.text}`);
    });
  }

  /** Calls one after the other until told to stop. */
  async call(stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const startedAt = performance.now();
      let answer: Answer;
      try {
        answer = await this.#server.invoke(this.#name, { timeoutMs: 60_000 });
      } catch (error) {
        const { message, cause } = error as Error;
        this.#cut.push(`a call was cut: ${message}, ${String(cause)}`);
        continue;
      }
      this.#calls.push({ startedAt, endedAt: performance.now(), answer });
      // A client that is refused comes back a little later.
      if (answer.status !== 200) await sleep(100);
    }
  }

  /** How many calls got which status. */
  statuses(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { answer } of this.#calls) counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    return counts;
  }

  /** How many changes there were. */
  get changes(): number {
    return this.#changes.length - 1;
  }

  /** What no order of events explains, a sentence each. */
  violations(): string[] {
    const wrong = this.#calls.flatMap((call) => {
      const { answer } = call;
      if (answer.status === 200) return this.#explained(call, Number(answer.text));
      const { code, error, requestId } = answer.json as Record<string, unknown>;
      const what = `${answer.status} ${answer.text}`;
      if (typeof error !== 'string' || requestId !== answer.headers.get('x-request-id'))
        return [`${what} is not the envelope`];
      if (answer.status === 404)
        return code === 'FUNCTION_NOT_FOUND' ? this.#explained(call, 0) : [`${what} is another 404`];
      const busy = (answer.status === 503 && code === 'AT_CAPACITY') || answer.status === 429;
      if (!busy) return [`${what} is no answer of a sound server`];
      const retryAfter = answer.headers.get('retry-after') ?? '';
      return /^[1-9]\d*$/.test(retryAfter) ? [] : [`${what} without Retry-After`];
    });
    return [...this.#cut, ...wrong];
  }

  /**
   * A version is the active one from some moment during its deploy to some moment during the next change. A call takes the
   * version that is active at some moment of its own.
   */
  #explained(call: Call, version: number): string[] {
    const could = this.#changes.some((change, index) => {
      const until = this.#changes[index + 1]?.endedAt ?? Infinity;
      return change.version === version && call.endedAt >= change.startedAt && call.startedAt <= until;
    });
    if (could) return [];
    const times = `from ${Math.round(call.startedAt)} to ${Math.round(call.endedAt)}`;
    return [`version ${version} answered a call ${times}, when it was not the active one`];
  }

  async #change(version: number, work: () => Promise<void>): Promise<void> {
    const change: Change = { version, startedAt: performance.now(), endedAt: Infinity };
    this.#changes.push(change);
    await work();
    change.endedAt = performance.now();
  }
}
