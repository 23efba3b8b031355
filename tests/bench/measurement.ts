/** Owns the words of a measurement: what it promises to find out, and what it found. */
import type { Summary } from './statistics.js';
import type { Turn } from './workbench.js';

/** One line of the table. */
export interface RowSpec {
  /** Place in the table. */
  number: number;
  title: string;
  /** Of the judged value; empty for a ratio. */
  unit: '' | 'ms' | '%';
  /** What must be kept, and what is aimed at; null = told for information. */
  limit: number | null;
  aim: number | null;
  better: 'lower' | 'higher';
}

/** What was found for a row. Times are milliseconds unless a name says otherwise. */
export interface Finding {
  /** The judged value, in the row's unit. */
  value: number;
  /** Samples behind it. */
  n: number;
  /** Everything it was made of, floors included. */
  figures: Record<string, Summary | number>;
  /** What a reader has to know to believe it. */
  note?: string;
}

export interface Measurement {
  /** For `--only`. */
  id: string;
  rows: RowSpec[];
  /** It is given up after so many seconds. */
  limitSeconds: number;
  /** One finding per row, in their order. Rejects with a sentence when it cannot be measured. */
  measure(turn: Turn): Promise<Finding[]>;
}

export type Verdict = 'aim' | 'met' | 'missed' | 'info' | 'failed';

/** A row with what came of it. */
export interface Result {
  id: string;
  spec: RowSpec;
  finding: Finding | null;
  /** Why there is no finding. */
  reason: string | null;
  verdict: Verdict;
}

/** The row's limits applied to what was found. */
export function verdictOf({ limit, aim, better }: RowSpec, value: number): Verdict {
  const keeps = (bound: number): boolean => (better === 'lower' ? value <= bound : value >= bound);
  if (limit === null) return 'info';
  if (!keeps(limit)) return 'missed';
  return aim === null || keeps(aim) ? 'aim' : 'met';
}
