/**
 * Owns what the pool does next: one pure function from a snapshot to actions. Every use, load, start and stop of an
 * instance that no failure brings about is decided here, with its reason.
 *
 *   1. serve the calls that wait, in turn; functions that lack a ready instance take their turns among them
 *   2. stop idle instances beyond the limit, which falls when others need the places
 *   3. stop idle instances that have no reason to stay, or that exceed the memory budget
 *   4. when no call waits: make instances ready ahead of calls
 */
import { Draft } from './draft.js';
import { rankIdle, RANK } from './rank.js';
import { Refills } from './refill.js';
import { serve, UNBOUNDED, type Offer, type Service } from './serve.js';
import type { Action, FunctionView, RequestView, Snapshot } from './snapshot.js';
import { stopUnwanted } from './unwanted.js';
import type { DraftInstance } from './draft.js';

export function decide(snapshot: Snapshot): Action[] {
  const draft = new Draft(snapshot);
  const waits = serveInTurn(draft);
  keepWithinPlaces(draft);
  if (snapshot.quiet) {
    stopUnwanted(draft);
    keepWithinMemory(draft);
    if (!waits && snapshot.mayRefill) new Refills(draft).all();
  }
  return draft.actions;
}

/** Stops the idle instances that matter least while there are more instances than may be. */
function keepWithinPlaces(draft: Draft): void {
  const { snapshot, instances, limits } = draft;
  let over = instances.length - draft.stopping - limits.maxInstances;
  if (over <= 0) return;
  for (const { instance, worth } of rankIdle(instances, snapshot)) {
    if (over <= 0) return;
    over -= 1;
    draft.stop(instance, 'room', worth);
  }
}

/** Stops the idle instances that matter least while all of them together take too much memory. */
function keepWithinMemory(draft: Draft): void {
  const { snapshot, instances } = draft;
  const ranked = rankIdle(instances, snapshot);
  let over = -snapshot.memoryBudgetBytes;
  for (const { instance } of ranked) over += snapshot.bytesOf(instance);
  for (const { instance, worth } of ranked) {
    if (over <= 0) return;
    over -= snapshot.bytesOf(instance);
    draft.stop(instance, 'memory', worth);
  }
}

/**
 * Serves calls in the order of their turns. A refill for a function that lacks a ready instance goes before a call that
 * queued behind others of its own function and whose turn comes later, so that a flooded function does not keep another
 * function from being ready. No other call waits for a refill. Returns whether calls still wait.
 *
 * While more functions are called than there are places for, no call waits for a refill at all: each refill would take the
 * place from another function, whose next call would then wait. With 16 functions, 12 places and four callers such refills
 * made the longest wait twice as long, and the server answer a fifth less.
 */
function serveInTurn(draft: Draft): boolean {
  const { snapshot } = draft;
  /** Code for which this pass has decided "wait, and nothing is on its way": later requests for it get the same answer. */
  const nothingFor = new Set<string>();
  let refills: { of: Refills; lacking: { view: FunctionView; turn: number }[] } | undefined;
  let waits = false;
  for (const request of snapshot.requests) {
    if (request.behind && snapshot.mayRefill) {
      refills ??= lackingIn(draft);
      refillBefore(request.turn, refills);
    }
    if (nothingFor.has(request.codeKey)) {
      draft.wait(request.id, null);
      waits = true;
      continue;
    }
    const service = serve(request, offerTo(request, draft));
    carryOver(service, request, draft);
    if (service.kind === 'wait' && service.instance === null) nothingFor.add(request.codeKey);
    waits ||= service.kind !== 'use' && service.kind !== 'load';
  }
  return waits;
}

/** The refills that go before calls in their turn, of the functions that lack a ready instance. */
function lackingIn(draft: Draft): { of: Refills; lacking: { view: FunctionView; turn: number }[] } {
  const of = new Refills(draft);
  const views = haveAllPlaces(draft) ? of.lacking() : [];
  return { of, lacking: views.map((view) => ({ view, turn: view.turn })) };
}

/** Whether there are places enough for every function that is called to have its instance ready. */
function haveAllPlaces({ snapshot, limits }: Draft): boolean {
  const called = snapshot.functions().filter(({ wanted, uncalled }) => wanted > 0 && !uncalled).length;
  return called <= limits.maxInstances - limits.placesForCalls;
}

/** Does the refills whose turn comes before that of a call; ties go to the call. Each refill costs its function a turn. */
function refillBefore(turn: number, { of, lacking }: NonNullable<ReturnType<typeof lackingIn>>): void {
  for (;;) {
    const due = lacking.filter((each) => each.turn < turn);
    const first = due.reduce<(typeof due)[number] | undefined>(
      (least, each) => (least === undefined || each.turn < least.turn ? each : least),
      undefined,
    );
    if (first === undefined) return;
    if (of.inTurn(first.view)) first.turn += 1;
    else lacking.splice(lacking.indexOf(first), 1);
  }
}

function carryOver(service: Service<DraftInstance>, request: RequestView, draft: Draft): void {
  switch (service.kind) {
    case 'use':
      return draft.use(request.id, service.instance);
    case 'load':
      return draft.load(request.id, service.instance, request.codeKey);
    case 'start':
      return draft.start(request.id, request.profileKey, null);
    case 'evict':
      draft.stop(service.instance, 'room');
      return draft.wait(request.id, null);
    case 'wait':
      return draft.wait(request.id, service.instance);
  }
}

/** The instances a request finds, and the limits that apply to its function. */
function offerTo(request: RequestView, draft: Draft): Offer<DraftInstance> {
  const { snapshot, instances, limits } = draft;
  return {
    now: snapshot.now,
    instances,
    isClaimed: ({ claimed }) => claimed,
    maxStarting: () => limits.maxStarting,
    maxInstances: () => limits.maxInstances - placesOwed(request, draft),
    unserved: draft.unserved,
    atOnce: () => snapshot.functionOf(request.codeKey)?.atOnce ?? UNBOUNDED,
    victim: () => victimFor(request, draft),
  };
}

/**
 * The number of places that a function which has its share must leave to functions that are in use and have no instance
 * at all: otherwise their calls would wait for as long as its own calls run.
 */
function placesOwed(request: RequestView, draft: Draft): number {
  if (!hasItsShare(request, draft)) return 0;
  const held = new Set(draft.instances.map(({ codeKey, intendedFor }) => codeKey ?? intendedFor));
  return draft.snapshot
    .functions()
    .filter(({ inUse, codeKey }) => inUse && codeKey !== request.codeKey && !held.has(codeKey)).length;
}

/** The idle instance that matters least; a function that has its share may not take another function's only ready instance. */
function victimFor(request: RequestView, draft: Draft): DraftInstance | undefined {
  const [least] = rankIdle(draft.instances, draft.snapshot);
  if (least === undefined) return undefined;
  if (least.rank === RANK.only && hasItsShare(request, draft)) {
    // Every idle instance is the only ready one of some function: the request's function may give up its own.
    const own = rankIdle(draft.instances, draft.snapshot).find(
      ({ instance }) => instance.codeKey === request.codeKey,
    );
    return own?.instance;
  }
  return least.instance;
}

function hasItsShare({ codeKey, check }: RequestView, draft: Draft): boolean {
  if (check) return false;
  const { snapshot, instances } = draft;
  const flows = snapshot.functions().filter(({ inUse }) => inUse).length;
  const own = instances.filter((instance) => instance.codeKey === codeKey).length;
  return own >= snapshot.limits.maxInstances / Math.max(1, flows);
}
