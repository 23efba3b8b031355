/** Owns reading records of calls: those on record, and new ones as they come. */
import { GlambdarError } from '../errors.js';
import type { CallRecord } from '../model/call/call.js';
import type { FunctionId } from '../model/function/id.js';
import type { FunctionRef } from '../model/function/ref.js';
import type { CallStore } from '../store/call-store.js';
import type { Recorder } from './recorder.js';

/** A record as clients see it: without our function id, with `invokedAt` as RFC 3339 UTC. */
export type InvocationView = Omit<CallRecord, 'functionId' | 'invokedAt'> & { invokedAt: string };

export interface LogQuery {
  limit: number;
  /** Only calls that ended before the call of this id. */
  before?: string;
  /** Leave out records whose output is still to come. */
  final?: boolean;
}

export interface Logs {
  /**
   * Records, newest first; includes calls whose record is not on disk yet. Rejects with FUNCTION_NOT_FOUND when no such
   * function is deployed.
   */
  list(ref: FunctionRef, query: LogQuery): Promise<InvocationView[]>;
  /**
   * The record of the call with this id, of a function in this namespace. Rejects with INVOCATION_NOT_FOUND, also for a call
   * of another namespace's function.
   */
  get(id: string, namespace: string): Promise<InvocationView>;
  /**
   * Calls back with every record of this function that becomes final from now on. The returned function removes the
   * listener. To get every record once, follow first, then list with `final`, and leave out of the list the records that
   * the listener got meanwhile. Throws FUNCTION_NOT_FOUND.
   * @param removed called once when the function is deleted: no record comes after that
   */
  follow(ref: FunctionRef, listener: (record: InvocationView) => void, removed?: () => void): () => void;
}

export interface LogsOptions {
  store: CallStore;
  recorder: Recorder;
  /** The id of a deployed function. Throws FUNCTION_NOT_FOUND. */
  idOf: (ref: FunctionRef) => FunctionId;
  /** The namespace of a deployed function; undefined when no deployed function has the id. */
  namespaceOf: (id: FunctionId) => string | undefined;
}

/** The largest list as JSON, which may be six times the printed bytes; a client asks for older records with `before`. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const PAGE = 16;

const texts = new WeakMap<InvocationView, string>();

/** A record as JSON. The text is made once for all uses: measuring it, listing it, and sending it to every follower. */
export function jsonOf(record: InvocationView): string {
  const text = texts.get(record) ?? JSON.stringify(record);
  texts.set(record, text);
  return text;
}

/** The logs, and whether a call with an id is on record. */
export function createLogs({
  store,
  recorder,
  idOf,
  namespaceOf,
}: LogsOptions): Logs & { has(callId: string): Promise<boolean> } {
  // One view per record for all followers, so that `jsonOf` makes its text once.
  const views = new WeakMap<CallRecord, InvocationView>();
  const shared = (record: CallRecord): InvocationView => {
    const known = views.get(record) ?? view(record);
    views.set(record, known);
    return known;
  };

  /** Adds to `found` the store's records older than `before`, newest first, until there are `limit` of them. */
  async function readStore(
    functionId: FunctionId,
    { limit, before }: LogQuery,
    found: CallRecord[],
    unwritten: ReadonlySet<string>,
  ): Promise<void> {
    let from = before;
    // A few records at a time: their texts are up to half a MiB each, and the sum of texts bounds an answer.
    while (found.length < limit && textOf(found) < MAX_LIST_BYTES) {
      const size = Math.min(PAGE, limit - found.length);
      const page = await store.list({
        functionId,
        limit: size,
        ...(from === undefined ? {} : { before: from }),
      });
      // Records that could not be written a moment ago may have been since then.
      found.push(...page.slice(1 + page.findLastIndex(({ id }) => unwritten.has(id))));
      if (page.length < size) return;
      from = page.at(-1)!.id;
    }
  }

  return {
    async list(ref, query) {
      const functionId = idOf(ref);
      // After a flush the store has all records. Only when the flush fails, the newest records are not in the store.
      const asked = new Set(recorder.pending(functionId).map(({ id }) => id));
      await recorder.flush();
      const unwritten = recorder
        .pending(functionId)
        .filter(({ id }) => asked.has(id))
        .reverse();
      const { limit, before, final } = query;
      const position = unwritten.findIndex(({ id }) => id === before);
      const isFromStore = before !== undefined && position === -1;
      const found = isFromStore ? [] : unwritten.slice(position + 1, position + 1 + limit);
      const from = isFromStore ? { limit, before } : { limit };
      await readStore(functionId, from, found, new Set(unwritten.map(({ id }) => id)));
      const wanted = final ? found.filter(({ id }) => !recorder.isOpen(id)) : found;
      return fitting(wanted.map(view));
    },
    async has(callId) {
      return recorder.find(callId) !== undefined || (await store.functionOf(callId)) !== undefined;
    },
    async get(callId, namespace) {
      // The record, which may be long, is read for its own namespace alone: the time of an answer tells nothing of others.
      const functionId = recorder.find(callId)?.functionId ?? (await store.functionOf(callId));
      // A removal may have failed to take the records with it.
      const isTheirs = functionId !== undefined && namespaceOf(functionId) === namespace;
      const record = isTheirs ? (recorder.find(callId) ?? (await store.get(callId))) : undefined;
      if (record === undefined)
        throw new GlambdarError(
          'INVOCATION_NOT_FOUND',
          'No record of such a call is kept; GET /logs/<name> lists the newest ones of a function.',
        );
      return view(record);
    },
    follow(ref, listener, removed) {
      return recorder.onRecord(idOf(ref), (record) => listener(shared(record)), removed);
    },
  };
}

/** As many of the records as fit into one answer, at least one. */
function fitting(records: InvocationView[]): InvocationView[] {
  let bytes = '['.length;
  const end = records.findIndex(
    (record, index) => (bytes += Buffer.byteLength(jsonOf(record)) + 1) > MAX_LIST_BYTES && index > 0,
  );
  return end === -1 ? records : records.slice(0, end);
}

/** Characters of the records' output: their JSON is longer. */
function textOf(records: CallRecord[]): number {
  return records.reduce((sum, { stdout, stderr }) => sum + stdout.length + stderr.length, 0);
}

function view({ functionId: _, ...record }: CallRecord): InvocationView {
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

/** Rounds to microseconds: more digits would be noise of the clock. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
