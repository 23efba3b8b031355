/** Owns times as people write and read them. */
import { CliError, EXIT } from '../cli-error.js';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** An RFC 3339 time as local `2026-01-31 12:34:56`; `never` for null. */
export function timeText(at: string | null): string {
  if (at === null) return 'never';
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The moment that `10m`, `2h`, `3d`, `45s` ago or an RFC 3339 time names, in milliseconds. Throws CliError for other text. */
export function parseSince(text: string, now: number = Date.now()): number {
  const [, count, unit] = /^(\d{1,9})(s|m|h|d)$/.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * UNITS[unit as keyof typeof UNITS];
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new CliError(
      `--since is "${text}"; write 10m, 2h or 3d, or a time such as 2026-01-31T12:00:00Z.`,
      EXIT.usage,
    );
  return at;
}
