/** Owns making up requests, most of them calls and some of them odd or broken: a seed gives the same requests every time. */
import { seededRandom } from '../../bench/statistics.js';
import * as words from './request-words.js';

export interface Case {
  /** Sent one after the other; the server reads each alone. Latin-1. */
  pieces: string[];
  /** After these pieces (by index) the client waits before it goes on. */
  waits: Set<number>;
}

export class Grammar {
  readonly #random: () => number;
  #last = '';

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A connection's bytes, up to something after which it is closed whatever came before. */
  next(): Case {
    this.#last = '';
    const pieces: string[] = [];
    const waits = new Set<number>();
    const count = 1 + this.#below(4);
    const polite = this.#chance(0.6);
    const together: string[] = [];
    for (let index = 0; index < count; index += 1) {
      let text = this.#request();
      if (this.#chance(0.05)) text = this.#mutated(text);
      if (!polite && this.#chance(0.5)) {
        together.push(text);
        continue;
      }
      pieces.push(...this.#split(together.splice(0).join('') + text));
      if (polite) waits.add(pieces.length - 1);
    }
    if (together.length > 0) pieces.push(...this.#split(together.join('')));
    waits.add(pieces.length - 1);
    return { pieces, waits };
  }

  #request(): string {
    if (this.#last !== '' && this.#chance(0.3)) return this.#last + this.#body(this.#lastLength);
    const oddity = this.#chance(0.4) ? 1 + this.#below(5) : 0;
    const line = [
      this.#of(oddity === 1 ? words.oddMethods : words.methods),
      this.#of(oddity === 2 ? words.oddTargets : words.targets.slice(0, this.#chance(0.5) ? 8 : undefined)),
      this.#chance(oddity === 3 ? 0.5 : 0) ? this.#of(words.versions) : 'HTTP/1.1',
    ].join(oddity === 3 && this.#chance(0.3) ? this.#of(['  ', '\t', '', ' \t']) : ' ');
    const headers = [
      `${this.#of(['Host', 'Host', 'host', 'HOST'])}: ${this.#of(this.#chance(0.85) ? words.hosts.slice(0, 4) : words.hosts)}`,
    ];
    for (let extra = this.#below(5); extra > 0; extra -= 1) headers.push(this.#of(words.plain));
    if (oddity === 4)
      for (let extra = 1 + this.#below(2); extra > 0; extra -= 1) headers.push(this.#of(words.odd));
    let length = this.#chance(0.75) ? this.#below(this.#chance(0.2) ? 260 : 40) : -1;
    if (length >= 0) {
      const said = oddity === 5 && this.#chance(0.6) ? this.#of(words.lengths) : this.#padded(length);
      headers.push(
        `${this.#of(['Content-Length', 'content-length'])}:${this.#of([' ', '', '  ', '\t'])}${said}`,
      );
      if (oddity === 5 && this.#chance(0.3)) headers.push(`Content-Length: ${length}`);
      if (oddity === 5 && this.#chance(0.3)) length = Math.max(0, length + this.#below(41) - 20);
    }
    if (oddity === 5 && this.#chance(0.2)) headers.push('Transfer-Encoding: chunked');
    if (this.#chance(0.02)) headers.splice(0, 1);
    this.#shuffle(headers);
    const lines = [line, ...headers, ''];
    let head = lines.map((each) => each + '\r\n').join('');
    if (oddity === 3 && this.#chance(0.3))
      head = lines.map((each) => each + (this.#chance(0.2) ? this.#of(words.eols) : '\r\n')).join('');
    if (this.#chance(0.02)) head = `\r\n${head}`;
    this.#last = head;
    this.#lastLength = Math.max(0, length);
    return head + this.#body(this.#lastLength);
  }
  #lastLength = 0;

  #padded(length: number): string {
    return this.#chance(0.1) ? String(length).padStart(1 + this.#below(12), '0') : String(length);
  }

  #body(length: number): string {
    const chunked = this.#last.includes('chunked');
    const text = this.#of([
      'GET /invoke/hello/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'POST /invoke/hello/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n',
      '{"a":"b"}',
      '0\r\n\r\n',
      '\r\n',
      '\0\xff\x80',
    ]);
    const body = text.repeat(Math.ceil(length / text.length)).slice(0, length);
    return chunked && this.#chance(0.7) ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  }

  #mutated(text: string): string {
    const at = this.#below(text.length);
    const byte = this.#chance(0.5)
      ? this.#of(['\r', '\n', ' ', ':', '\t', '\0', ',', '\r\n'])
      : String.fromCharCode(this.#below(256));
    return text.slice(0, at) + (this.#chance(0.7) ? byte : '') + text.slice(at + this.#below(2));
  }

  #split(text: string): string[] {
    const pieces: string[] = [];
    let rest = text;
    const end = text.indexOf('\r\n\r\n');
    if (end !== -1 && this.#chance(0.25)) {
      pieces.push(rest.slice(0, end + 4));
      rest = rest.slice(end + 4);
    }
    while (rest.length > 1 && this.#chance(0.25)) {
      const at = 1 + this.#below(this.#chance(0.3) ? Math.min(rest.length - 1, 4) : rest.length - 1);
      pieces.push(rest.slice(0, at));
      rest = rest.slice(at);
    }
    return [...pieces, rest].filter((piece) => piece !== '');
  }

  #shuffle(items: string[]): void {
    for (let index = items.length - 1; index > 0; index -= 1) {
      const other = this.#below(index + 1);
      [items[index], items[other]] = [items[other]!, items[index]!];
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #of<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }
}
