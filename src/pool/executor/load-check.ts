/** Owns finding out whether a candidate's code loads: in a container like a call's, which is left ready for the first call. */
import { GlambdarError } from '../../errors.js';
import { InstanceFailure, LoadTimeout } from '../../instance/instance-failure.js';
import { LoadFailure } from '../../instance/wire/worker-connection.js';
import {
  describeExit,
  hasExited,
  isOutOfMemory,
  loadFailed,
  loadTimedOut,
} from '../../model/call/outcome.js';
import { networkUnavailable } from '../../model/call/refusal.js';
import type { Profile } from '../../model/function/profile.js';
import { redactedError, type Redaction } from '../../model/call/redaction.js';
import type { FunctionRecord } from '../../model/function/function.js';
import type { FunctionId } from '../../model/function/id.js';
import type { FunctionSettings } from '../../model/function/settings.js';
import { runtimes } from '../../runtimes/runtimes.js';
import type { Pool } from '../pool.js';
import { workloadOf, type SecretsOf } from './workloads.js';

/** How much of the end of each output stream the author of code that does not load is told. */
const OUTPUT_CHARACTERS = 16 * 1024;

/** How the worker begins its own lines in a function's log. */
const HINT = 'glambdar: ';
const MAX_HINTS = 10;
const MAX_HINT_CHARACTERS = 500;

export interface LoadCheckOptions {
  pool: Pool;
  /** Prepares a network for containers; rejects when the network cannot be had. */
  prepareNetwork: (network: Profile['network']) => Promise<void>;
  /** Makes a copy of a tree of files at `target`, which does not exist. */
  copyTree: (treeDir: string, target: string) => Promise<void>;
  secrets: SecretsOf & {
    /** Takes the values of a function's secrets out of what its author is told. */
    redactorOf: (id: FunctionId) => Redaction;
  };
}

/**
 * The returned function loads a candidate. It resolves to the worker's hints about the code, and a function that throws the
 * container away, for a version that is not published after all. It rejects with LOAD_FAILED (the user's code),
 * INVALID_REQUEST (a network that cannot be had, a variable that cannot take effect), DRIVER_UNAVAILABLE or AT_CAPACITY.
 */
export function createLoadCheck({ pool, prepareNetwork, copyTree, secrets }: LoadCheckOptions) {
  return async (
    candidate: FunctionRecord,
    treeDir: string,
  ): Promise<{ discard: () => void; hints: string[] }> => {
    const { settings } = candidate;
    const code = {
      copy: (_: FunctionRecord, target: string) => copyTree(treeDir, target),
      verify: () => Promise.resolve(),
    };
    const workload = workloadOf(candidate, code, secrets);
    const problem = runtimes.get(workload.profile.runtime)?.variableProblem(settings.env);
    if (problem) throw new GlambdarError('INVALID_REQUEST', problem);
    try {
      await prepareNetwork(settings.network);
    } catch (error) {
      throw networkUnavailable(settings.network, error);
    }
    const printed = { stdout: '', stderr: '' };
    try {
      const lease = await pool.acquire({
        workload,
        check: true,
        signal: new AbortController().signal,
        failedLoadOutput: (stream, text) => void (printed[stream] += text.toString('utf8')),
      });
      const hints = hintsIn(lease.instance.loadLogs.shown('stderr'), secrets.redactorOf(candidate.id));
      await lease.release(true);
      return { discard: () => void pool.retire(workload.code.key), hints };
    } catch (error) {
      // The next candidate may have the same version number: no instance of this candidate may be used for it.
      void pool.retire(workload.code.key);
      const refusal = refusalOf(error, settings);
      if (refusal === null) throw error;
      const redactor = secrets.redactorOf(candidate.id);
      throw redactedError(withOutput(refusal, printed, redactor), redactor);
    }
  };
}

/** The lines of the worker in what a load printed. The code may print such lines, too: they are bounded, and its own author's. */
function hintsIn(stderr: string, redactor: Redaction): string[] {
  return redactor
    .redact(stderr)
    .split('\n')
    .filter((line) => line.startsWith(HINT))
    .slice(0, MAX_HINTS)
    .map((line) => sentence(line.slice(HINT.length, HINT.length + MAX_HINT_CHARACTERS)));
}

/** Begins with a capital letter, unless the first word is the name of a file. */
function sentence(clause: string): string {
  if (/^\S*\.\w/.test(clause)) return `${clause}.`;
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}

/** The error for the author of code that does not load; null when the error says nothing about the code. */
function refusalOf(error: unknown, { cpus, memoryMb }: FunctionSettings): GlambdarError | null {
  if (error instanceof LoadFailure) return loadFailed(error.error, 422);
  if (error instanceof LoadTimeout) return loadTimedOut(error.timeoutMs, cpus, 422);
  if (error instanceof InstanceFailure) return new GlambdarError('LOAD_FAILED', diedLoading(error, memoryMb));
  return null;
}

/** The same error with the end of what the code printed: validators of configuration print what is wrong, and exit. */
function withOutput(
  error: GlambdarError,
  printed: { stdout: string; stderr: string },
  redactor: Redaction,
): GlambdarError {
  const output = Object.entries(printed).filter(([, text]) => text !== '');
  // Before the end is taken, which may begin in the middle of a value.
  const ends = output.map(([stream, text]) => ({
    [stream]: redactor.redact(text).slice(-OUTPUT_CHARACTERS),
  }));
  const details = Object.assign({ ...error.details }, ...ends) as Record<string, unknown>;
  return new GlambdarError(error.code, error.message, { status: error.status, details });
}

function diedLoading(failure: InstanceFailure, memoryMb: number): string {
  if (isOutOfMemory(failure.exit, failure.output?.stderr ?? ''))
    return `The function does not load: loading it needs more than its limit of ${memoryMb} MB; raise memoryMb or use less.`;
  const how = failure.exit ? `the process did not survive, ${describeExit(failure.exit)}` : failure.message;
  const advice = hasExited(failure.exit) ? ' Does its code call process.exit?' : '';
  return `The function does not load: ${how}.${advice}`;
}
