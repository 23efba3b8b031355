/** Owns calls over a worker's connection as promises, for tests. */
import type { AnswerTaker, InvokeMessage, WorkerAnswer } from '../../src/instance/wire/worker-connection.js';
import type { LogSink } from '../../src/model/call/execution.js';

interface Callee {
  invoke(message: InvokeMessage, body: Buffer, sink: LogSink, taker: AnswerTaker): void;
}

/** Runs one call. Rejects with ConnectionLost, NotBegun, or with what `invoke` throws. @param begun called when a call that was sent ahead begins */
export function answerOf(
  callee: Callee,
  message: InvokeMessage,
  body: Buffer,
  sink: LogSink,
  begun: () => void = () => undefined,
): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) =>
    callee.invoke(message, body, sink, { answered: resolve, failed: reject, begun }),
  );
}
