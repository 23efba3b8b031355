/**
 * Owns which instances are made ready ahead of calls: requests without a caller. Pure.
 *
 * While no call waits, in this order: functions in use that have nothing ready → the standbys each profile should have →
 * other functions, by the worth of one more ready instance. While calls wait, functions are refilled only in their turn
 * (`decide.ts`).
 */
import type { Draft, DraftInstance } from './draft.js';
import {
  codeOf,
  compareStanding,
  isSpare,
  RANK,
  rankIdle,
  standingOf,
  type RankedInstance,
  type Standing,
} from './rank.js';
import type { FunctionView, StandbyView } from './snapshot.js';

/** An instance that could not be started because memory was short: its standing, and the memory it needs. */
interface Shortage extends Standing {
  /** Memory the instance needs, in bytes. */
  bytes: number;
}

const NO_STANDBY = { reserve: 0, target: 0, bytes: 0 };

export class Refills {
  readonly #draft: Draft;
  readonly #standbys: Map<string, StandbyView>;
  /** Memory that idle instances may still take, in bytes. A running sum: to sum up for each refill would cost the most time. */
  #free: number;
  /** The first instance that memory did not suffice for. */
  #short: Shortage | null = null;
  /** The first instance there was no place for, and no place becoming free. */
  #placeless: Standing | null = null;

  constructor(draft: Draft) {
    this.#draft = draft;
    this.#standbys = new Map(draft.snapshot.standbys().map((view) => [view.profileKey, view]));
    this.#free = draft.freeBytes();
  }

  /** Functions that have fewer instances ready than they should, or none of them. */
  lacking(): FunctionView[] {
    return this.#draft.snapshot.functions().filter((view) => this.#lacks(view));
  }

  /** Makes one instance ready for a function while calls wait. Returns whether a start or load was decided. */
  inTurn(view: FunctionView): boolean {
    if (!this.#lacks(view)) return false;
    const begun = this.#refill(view, { places: 0, starting: Infinity });
    this.#makePlace();
    return begun;
  }

  /** Makes ready every instance that should be, when no call waits. */
  all(): void {
    const { snapshot } = this.#draft;
    // The last places, and the last starts, are for calls.
    const { placesForCalls, maxRefilling } = this.#draft.limits;
    const least = { places: placesForCalls, starting: maxRefilling };
    const firsts = this.lacking().filter((view) => this.#ready(view) === 0);
    firsts.sort((a, b) => compareStanding(standingOf(b, 1), standingOf(a, 1)));
    for (const view of firsts) this.#refill(view, least);
    for (const view of snapshot.standbys()) {
      let missing = view.target - this.#there(view.profileKey);
      for (; missing > 0 && this.#start(view, null, { rank: RANK.standby, worth: 0 }, least); missing -= 1);
    }
    const open = this.lacking();
    while (open.length > 0) {
      const values = open.map((view) => view.worth(this.#ready(view) + 1));
      const best = values.reduce((most, value, index) => (value > values[most]! ? index : most), 0);
      const view = open[best]!;
      if (!this.#refill(view, least) || !this.#lacks(view)) open.splice(best, 1);
    }
    this.#makeRoom();
    this.#makePlace();
  }

  #lacks(view: FunctionView): boolean {
    return this.#ready(view) < view.target;
  }

  #refill(view: FunctionView, least: Left): boolean {
    const { codeKey, profileKey } = view;
    const { draft, standing } = { draft: this.#draft, standing: standingOf(view, this.#ready(view) + 1) };
    const there = draft.instances.filter((i) => isSpare(i) && i.profileKey === profileKey);
    const { reserve, target, bytes } = this.#standbys.get(profileKey) ?? NO_STANDBY;
    // A loaded instance takes more memory than a standby. A load that leaves too few standbys needs memory and a place for the
    // replacement, too, unless the function has nothing ready: the replacement would have the loaded instance stopped.
    const replaced = standing.rank !== RANK.only && this.#there(profileKey) <= target;
    const room = Math.max(0, view.bytes - bytes) + (replaced ? bytes : 0);
    const hasPlace = !replaced || draft.instances.length < this.#places(standing, least);
    const mayLoad = draft.loadingAhead < draft.limits.maxRefilling;
    if (there.length > reserve && mayLoad && hasPlace && room <= Math.max(0, this.#free)) {
      this.#free -= room;
      draft.load(null, there[0]!, codeKey);
      return true;
    }
    return this.#start(view, codeKey, standing, least);
  }

  #start(
    view: FunctionView | StandbyView,
    intendedFor: string | null,
    standing: Standing,
    least: Left,
  ): boolean {
    const draft = this.#draft;
    if (draft.starting >= Math.min(draft.limits.maxStarting, least.starting)) return false;
    const places = this.#places(standing, least);
    // Memory first: an instance that lacks both must not have another stopped for its place alone.
    if (view.bytes > this.#free) {
      this.#short ??= { ...standing, bytes: view.bytes };
      return false;
    }
    if (draft.instances.length >= places) {
      if (draft.instances.length - draft.stopping >= places) this.#placeless ??= standing;
      return false;
    }
    draft.start(null, view.profileKey, intendedFor);
    this.#free -= view.bytes;
    return true;
  }

  /**
   * The number of instances at which a refill of this standing finds no place any more. A function in use that has nothing
   * ready may have any place: a call can take the instance from there.
   */
  #places({ rank }: Standing, least: Left): number {
    const { maxInstances } = this.#draft.limits;
    return rank === RANK.only ? maxInstances : maxInstances - least.places;
  }

  /**
   * Stops one idle instance of lower rank for a refill that lacks a place. An instance of equal rank stays: its function would
   * take the place back.
   */
  #makePlace(): void {
    const placeless = this.#placeless;
    this.#placeless = null;
    if (placeless === null) return;
    const [least] = rankIdle(this.#draft.instances, this.#draft.snapshot);
    if (least && least.rank < placeless.rank) this.#draft.stop(least.instance, 'room', least.worth);
  }

  /** Stops idle instances of less rank or worth for the refill that memory did not suffice for, if that frees enough. */
  #makeRoom(): void {
    const short = this.#short;
    if (short === null) return;
    const { snapshot, instances } = this.#draft;
    // Missing standbys go before a function's second instance: the room must suffice for both.
    const standbyBytes = short.rank <= RANK.more ? this.#missingStandbyBytes() : 0;
    let missing = short.bytes + standbyBytes - this.#draft.freeBytes();
    const victims: RankedInstance<DraftInstance>[] = [];
    for (const ranked of rankIdle(instances, snapshot)) {
      if (missing <= 0 || compareStanding(ranked, short) >= 0) break;
      victims.push(ranked);
      missing -= snapshot.bytesOf(ranked.instance);
    }
    if (missing > 0) return;
    for (const { instance, worth } of victims) this.#draft.stop(instance, 'room', worth);
  }

  #missingStandbyBytes(): number {
    return this.#draft.snapshot
      .standbys()
      .reduce(
        (sum, { profileKey, target, bytes }) => sum + Math.max(0, target - this.#there(profileKey)) * bytes,
        0,
      );
  }

  /** Spare standbys of a profile, those on their way included. */
  #there(profileKey: string): number {
    return this.#draft.instances.filter(
      (i) =>
        i.profileKey === profileKey &&
        (isSpare(i) || (i.state === 'starting' && i.intendedFor === null && !i.claimed)),
    ).length;
  }

  /** Instances a function has ready or on their way: those never called, and with reuse also those called. */
  #ready({ codeKey, profileKey, reuse }: FunctionView): number {
    return this.#draft.instances.filter((instance) => {
      const { state, calls, intendedFor } = instance;
      if (codeOf(instance) !== codeKey || instance.profileKey !== profileKey || state === 'stopping')
        return false;
      if (state === 'busy' || calls > 0) return reuse && (state === 'busy' || state === 'idle');
      return state === 'idle' || intendedFor !== null;
    }).length;
  }
}

/** What a refill must leave to calls: `places` stay free, and no refill begins while `starting` instances are starting. */
interface Left {
  places: number;
  starting: number;
}
