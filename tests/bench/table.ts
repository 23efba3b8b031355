/** Owns how results look to a person. */
import type { Result } from './measurement.js';
import type { Summary } from './statistics.js';

const WIDTHS = { number: 3, title: 62, value: 10, limit: 9, aim: 9, verdict: 8, n: 7 };

/** One line per row, below it what the row is made of. */
export function table(results: readonly Result[]): string {
  const head =
    '#'.padStart(WIDTHS.number) +
    '  ' +
    'row'.padEnd(WIDTHS.title) +
    'value'.padStart(WIDTHS.value) +
    'limit'.padStart(WIDTHS.limit) +
    'aim'.padStart(WIDTHS.aim) +
    'verdict'.padStart(WIDTHS.verdict) +
    'n'.padStart(WIDTHS.n);
  const rows = results.toSorted((a, b) => a.spec.number - b.spec.number).flatMap((result) => lines(result));
  return [head, '-'.repeat(head.length), ...rows].join('\n');
}

function lines({ spec, finding, reason, verdict }: Result): string[] {
  const bound = (value: number | null): string =>
    value === null ? '–' : `${spec.better === 'lower' ? '≤' : '≥'} ${value}`;
  const first =
    String(spec.number).padStart(WIDTHS.number) +
    '  ' +
    spec.title.padEnd(WIDTHS.title) +
    (finding === null ? '–' : `${short(finding.value)}${spec.unit}`).padStart(WIDTHS.value) +
    bound(spec.limit).padStart(WIDTHS.limit) +
    bound(spec.aim).padStart(WIDTHS.aim) +
    verdict.padStart(WIDTHS.verdict) +
    String(finding?.n ?? 0).padStart(WIDTHS.n);
  if (finding === null) return [first, `       ${reason ?? 'not measured'}`];
  const parts = Object.entries(finding.figures).map(([name, figure]) => `${name} ${figureText(figure)}`);
  return [first, ...wrapped(finding.note === undefined ? parts : [...parts, finding.note])];
}

/** Median, then the extremes; the p99 where there are enough samples for one that is not the maximum. */
function figureText(figure: Summary | number): string {
  if (typeof figure === 'number') return short(figure);
  const p99 = figure.n >= 100 ? `, p99 ${short(figure.p99)}` : '';
  return `${short(figure.p50)} (${short(figure.min)}–${short(figure.max)}${p99})`;
}

/** Three digits, more only before the point. */
function short(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

function wrapped(parts: readonly string[]): string[] {
  const texts: string[] = [];
  for (const part of parts) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + part.length < 110) texts[texts.length - 1] = `${last} · ${part}`;
    else texts.push(`       ${part}`);
  }
  return texts;
}
