/**
 * Owns taking secret values out of text that a function printed or failed with: each becomes `[secret NAME]`.
 *
 * A value is found as it is and in the forms in which programs print values: escaped as in JSON, in base64 and base64url,
 * percent-encoded, and, of a value of several lines, line by line. A long value is known by its first 128 characters and taken
 * out as far as the text goes on like it. The text is read once, in time that grows with its length alone (Aho and Corasick's
 * automaton): a function chooses both its secrets and its output, and must not be able to hold up the server with them.
 */
import { GlambdarError } from '../../errors.js';

/** Shorter values are not looked for: they occur in any text, and hiding them would garble logs without hiding anything. */
export const MIN_REDACTED_CHARACTERS = 6;
/** A line of a value that has several is looked for by itself from this length on. */
const MIN_LINE_CHARACTERS = 16;
/** Characters by which a longer form is known. */
const HEAD_CHARACTERS = 128;
/** At the end of text that was cut, the beginning of a form counts from this length on. */
const MIN_CUT_CHARACTERS = 4;
/** Forms looked for altogether; further lines of values are left out. */
const MAX_FORMS = 2_000;
/** Values that a function has had before, besides those it has: calls under way may print them. */
const MAX_FORMER_VALUES = 64;

/** One text to be found. */
interface Form {
  name: string;
  text: string;
  headLength: number;
}

/** Text from `from` to before `to` is of the secret `name`. */
interface Found {
  from: number;
  to: number;
  name: string;
}

export class Redactor {
  #values = new Map<string, string>();
  #former: { name: string; value: string }[] = [];
  #automaton: Automaton | null = null;

  /** Sets the values to be taken out from now on; those so far are still taken out, too, unless there were many since. */
  set(values: Readonly<Record<string, string>>): void {
    const now = new Map(Object.entries(values));
    for (const [name, value] of this.#values)
      if (now.get(name) !== value) this.#former.unshift({ name, value });
    this.#former = this.#former.slice(0, MAX_FORMER_VALUES);
    this.#values = now;
    this.#automaton = null;
  }

  /** Whether there is nothing to take out. */
  get isEmpty(): boolean {
    return this.#values.size + this.#former.length === 0;
  }

  /** Length of the longest value, in bytes: what follows a cut may begin with so many bytes of one, less one. */
  get longestBytes(): number {
    const all = [...this.#values.values(), ...this.#former.map(({ value }) => value)];
    return all.reduce((longest, value) => Math.max(longest, Buffer.byteLength(value)), 0);
  }

  /** @param isCut whether the text may end in the middle of a value */
  redact(text: string, isCut = false): string {
    if (text.length < MIN_CUT_CHARACTERS || this.isEmpty) return text;
    this.#automaton ??= new Automaton(this.#forms());
    const found = this.#automaton.find(text, isCut);
    if (found.length === 0) return text;
    let result = '';
    let at = 0;
    for (const { from, to, name } of merged(found)) {
      result += `${text.slice(at, from)}[secret ${name}]`;
      at = to;
    }
    return result + text.slice(at);
  }

  #forms(): Form[] {
    const forms = new Map<string, Form>();
    const add = (name: string, text: string, least = MIN_REDACTED_CHARACTERS): void => {
      if (text.length < least || forms.has(text) || forms.size >= MAX_FORMS) return;
      forms.set(text, { name, text, headLength: Math.min(text.length, HEAD_CHARACTERS) });
    };
    const all = [...[...this.#values].map(([name, value]) => ({ name, value })), ...this.#former];
    const long = all.filter(({ value }) => value.length >= MIN_REDACTED_CHARACTERS);
    for (const { name, value } of long) {
      add(name, value);
      add(name, JSON.stringify(value).slice(1, -1));
      add(name, percentEncoded(value));
      const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '');
      add(name, base64);
      add(name, base64.replaceAll('+', '-').replaceAll('/', '_'));
    }
    // After all whole values, so that their lines cannot crowd them out. Lines such as "-----BEGIN …" are no secret.
    for (const { name, value } of long)
      if (value.includes('\n'))
        for (const line of value.split(/\r?\n/))
          if (!line.startsWith('-----')) add(name, line, MIN_LINE_CHARACTERS);
    return [...forms.values()];
  }
}

/** Takes values out; what sets them is the business of `secrets/`. */
export type Redaction = Pick<Redactor, 'isEmpty' | 'longestBytes' | 'redact'>;

/** Takes nothing out. */
export const NO_REDACTION: Redaction = new Redactor();

/** Texts of errors are cut in several places; shorter ones are whole. */
const MAX_WHOLE_CHARACTERS = 1_000;

/** A message or a stack without secret values. */
export function redactedText(text: string, redaction: Pick<Redactor, 'redact'>): string {
  return redaction.redact(text, text.length >= MAX_WHOLE_CHARACTERS);
}

/** The error for a client without secret values in its message and its details. Its cause stays for the server's log. */
export function redactedError(
  error: GlambdarError,
  redaction: Pick<Redactor, 'isEmpty' | 'redact'>,
): GlambdarError {
  if (redaction.isEmpty) return error;
  const { code, status, retryAfterSeconds, cause, details = {} } = error;
  const told = Object.entries(details).map(([key, value]) => [
    key,
    typeof value === 'string' ? redactedText(value, redaction) : value,
  ]);
  return new GlambdarError(code, redactedText(error.message, redaction), {
    status,
    cause,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(error.details && { details: Object.fromEntries(told) as Record<string, unknown> }),
  });
}

function percentEncoded(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return ''; // a lone surrogate
  }
}

/** Overlapping and touching finds of one secret as one; of overlapping ones of two secrets the first names both. */
function merged(found: Found[]): Found[] {
  const list: Found[] = [];
  for (const next of found.sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = list.at(-1);
    const joins =
      last !== undefined && (next.from < last.to || (next.from === last.to && next.name === last.name));
    if (joins) last.to = Math.max(last.to, next.to);
    else list.push({ ...next });
  }
  return list;
}

/** One state for each beginning of a head. State 0 is the empty beginning. */
class Automaton {
  /** The way on of a state that has one, as most have: the character, and the next state. */
  readonly #onlyCharacter: number[] = [-1];
  readonly #onlyNext: number[] = [0];
  /** The ways on of a state that has several. */
  readonly #next: (Map<number, number> | undefined)[] = [undefined];
  readonly #depth: number[] = [0];
  /** The state of the longest proper ending that is a beginning, too. */
  readonly #fail: number[] = [0];
  /** Forms whose head ends in the state. */
  readonly #forms: (Form[] | undefined)[] = [undefined];
  /** The next state on the way of `#fail` in which a head ends; 0: none. */
  readonly #ends: number[] = [0];
  /** The secret of a form that begins like the state, to name a cut one. */
  readonly #nameOf: string[] = [''];

  constructor(forms: readonly Form[]) {
    for (const form of forms) this.#add(form);
    // By depth: the endings of a state are shorter than the state.
    const queue = [...this.#waysOn(0)].map(([, state]) => state);
    for (const state of queue)
      for (const [character, child] of this.#waysOn(state)) {
        const fail = this.#step(this.#fail[state]!, character);
        this.#fail[child] = fail;
        this.#ends[child] = this.#forms[fail] === undefined ? this.#ends[fail]! : fail;
        queue.push(child);
      }
  }

  /** @param isCut see `Redactor.redact` */
  find(text: string, isCut: boolean): Found[] {
    const found: Found[] = [];
    let state = 0;
    /** All text from the one to before the other is found. A form is followed beyond its head only from there on. */
    let coveredFrom = 0;
    let coveredTo = 0;
    for (let index = 0; index < text.length; index++) {
      state = this.#step(state, text.charCodeAt(index));
      const isUncovered = index + 1 >= coveredTo;
      let ending = this.#forms[state] === undefined ? this.#ends[state]! : state;
      for (; ending !== 0; ending = this.#ends[ending]!)
        for (const { name, text: whole, headLength } of this.#forms[ending]!) {
          const from = index + 1 - headLength;
          let to = index + 1;
          if (isUncovered)
            while (to - from < whole.length && text.charCodeAt(to) === whole.charCodeAt(to - from)) to++;
          if (from >= coveredFrom && to <= coveredTo) continue;
          found.push({ from, to, name });
          if (from > coveredTo) coveredFrom = from;
          else coveredFrom = Math.min(coveredFrom, from);
          coveredTo = Math.max(coveredTo, to);
        }
    }
    const depth = this.#depth[state]!;
    if (isCut && depth >= MIN_CUT_CHARACTERS)
      found.push({ from: text.length - depth, to: text.length, name: this.#nameOf[state]! });
    return found;
  }

  #add(form: Form): void {
    let state = 0;
    for (let index = 0; index < form.headLength; index++) {
      const character = form.text.charCodeAt(index);
      state = this.#wayOn(state, character) ?? this.#grow(state, character, form.name);
    }
    (this.#forms[state] ??= []).push(form);
  }

  #grow(state: number, character: number, name: string): number {
    const child = this.#depth.length;
    this.#onlyCharacter.push(-1);
    this.#onlyNext.push(0);
    this.#next.push(undefined);
    this.#depth.push(this.#depth[state]! + 1);
    this.#fail.push(0);
    this.#forms.push(undefined);
    this.#ends.push(0);
    this.#nameOf.push(name);
    const only = this.#onlyCharacter[state]!;
    if (this.#next[state] !== undefined) this.#next[state].set(character, child);
    else if (only === -1) {
      this.#onlyCharacter[state] = character;
      this.#onlyNext[state] = child;
    } else {
      this.#next[state] = new Map([
        [only, this.#onlyNext[state]!],
        [character, child],
      ]);
    }
    return child;
  }

  #waysOn(state: number): Iterable<[character: number, next: number]> {
    const only = this.#onlyCharacter[state]!;
    return this.#next[state] ?? (only === -1 ? [] : [[only, this.#onlyNext[state]!]]);
  }

  #wayOn(state: number, character: number): number | undefined {
    const several = this.#next[state];
    if (several !== undefined) return several.get(character);
    return this.#onlyCharacter[state] === character ? this.#onlyNext[state] : undefined;
  }

  #step(from: number, character: number): number {
    for (let state = from; ; state = this.#fail[state]!) {
      const next = this.#wayOn(state, character);
      if (next !== undefined) return next;
      if (state === 0) return 0;
    }
  }
}
