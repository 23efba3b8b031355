/** Owns reading records of calls, finished ones and new ones as they come. */
import { GlambdarError } from '../errors.js';
import type { InvocationRecord } from '../model/records.js';
import type { Store } from '../store/store.js';
import type { Recorder } from './recorder.js';

/** A record as clients see it: as kept, with `invokedAt` as RFC 3339 UTC. */
export type InvocationView = Omit<InvocationRecord, 'invokedAt'> & { invokedAt: string };

export interface LogQuery {
  limit: number;
  /** Only calls that ended before the one of this id. */
  before?: string;
  /** Leave out records whose output is still to come. */
  final?: boolean;
}

export interface Logs {
  /** Newest first; includes calls whose record is not on disk yet. Throws FUNCTION_NOT_FOUND when no such function is deployed. */
  list(funcName: string, query: LogQuery): InvocationView[];
  /** Throws INVOCATION_NOT_FOUND. */
  get(id: string): InvocationView;
  /** Calls back with every record of this function from now on. The returned function stops it. Throws FUNCTION_NOT_FOUND. */
  follow(funcName: string, listener: (record: InvocationView) => void): () => void;
}

export interface LogsOptions {
  store: Store;
  recorder: Recorder;
  /** Throws FUNCTION_NOT_FOUND. */
  assertDeployed: (funcName: string) => void;
}

/** Of one list as JSON, which may be six times what was printed; whoever wants more asks for what came `before`. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const PAGE = 16;

const texts = new WeakMap<InvocationView, string>();

/** A record as JSON, written out once, whoever asks for it: its length, its list, or those who follow. */
export function jsonOf(record: InvocationView): string {
  const text = texts.get(record) ?? JSON.stringify(record);
  texts.set(record, text);
  return text;
}

/** The logs, and whether a call with an id is on record. */
export function createLogs({
  store,
  recorder,
  assertDeployed,
}: LogsOptions): Logs & { has(id: string): boolean } {
  const find = (id: string): InvocationRecord | undefined => recorder.find(id) ?? store.getInvocation(id);
  // One view per record, however many follow it: who sends it can then write it out once.
  const views = new WeakMap<InvocationRecord, InvocationView>();
  const shared = (record: InvocationRecord): InvocationView => {
    const known = views.get(record) ?? view(record);
    views.set(record, known);
    return known;
  };
  return {
    list(funcName, query) {
      assertDeployed(funcName);
      // Flushing first makes the store the one list there is; only when it fails some are not in it, the newest ones.
      recorder.flush();
      const unwritten = recorder
        .pending()
        .filter((record) => record.funcName === funcName)
        .reverse();
      const position =
        query.before === undefined ? -1 : unwritten.findIndex((record) => record.id === query.before);
      const found =
        query.before === undefined || position >= 0
          ? unwritten.slice(position + 1, position + 1 + query.limit)
          : [];
      let before = position >= 0 ? undefined : query.before;
      // A few at a time: texts are up to half a MiB a record, and an answer is bounded by their sum.
      while (found.length < query.limit && textOf(found) < MAX_LIST_BYTES) {
        const limit = Math.min(PAGE, query.limit - found.length);
        const page = store.listInvocations({ funcName, limit, ...(before === undefined ? {} : { before }) });
        found.push(...page);
        if (page.length < limit) break;
        before = page.at(-1)!.id;
      }
      const wanted = query.final ? found.filter(({ id }) => !recorder.isOpen(id)) : found;
      return fitting(wanted.map(view));
    },
    has: (id) => find(id) !== undefined,
    get(id) {
      const record = find(id);
      if (!record) throw new GlambdarError('INVOCATION_NOT_FOUND', 'No record of such a call is kept.');
      return view(record);
    },
    follow(funcName, listener) {
      assertDeployed(funcName);
      return recorder.onRecord(funcName, (record) => listener(shared(record)));
    },
  };
}

/** As many of them as fit into one answer, at least one. */
function fitting(records: InvocationView[]): InvocationView[] {
  let bytes = '['.length;
  const end = records.findIndex(
    (record, index) => (bytes += Buffer.byteLength(jsonOf(record)) + 1) > MAX_LIST_BYTES && index > 0,
  );
  return end === -1 ? records : records.slice(0, end);
}

/** No more than what is written of it. */
function textOf(records: InvocationRecord[]): number {
  return records.reduce((sum, { stdout, stderr }) => sum + stdout.length + stderr.length, 0);
}

function view(record: InvocationRecord): InvocationView {
  const { durationMs, queueMs, startMs, loadMs, runMs } = record;
  return {
    ...record,
    invokedAt: new Date(record.invokedAt).toISOString(),
    durationMs: toMicroseconds(durationMs),
    queueMs: toMicroseconds(queueMs),
    startMs: toMicroseconds(startMs),
    loadMs: toMicroseconds(loadMs),
    runMs: toMicroseconds(runMs),
  };
}

/** The clock's noise beyond that is nobody's information. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
