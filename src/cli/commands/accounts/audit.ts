/** Owns `audit`: lines of the audit log, the newest first. */
import type { AuditRecord } from '../../../model/account/audit-record.js';
import { CliError, EXIT } from '../../cli-error.js';
import { clientOf, type CommonOptions } from '../../session.js';
import { printResult } from '../../terminal/output.js';
import { tableText } from '../../terminal/table.js';
import { timeText } from '../../terminal/time-text.js';

/** A line as the server tells it: its time is RFC 3339. */
type AuditLine = Omit<AuditRecord, 'at'> & { at: string };

export async function audit({
  limit,
  before,
  ...options
}: CommonOptions & { limit: string; before?: string }): Promise<void> {
  for (const [flag, value] of [
    ['--limit', limit],
    ['--before', before],
  ])
    if (value !== undefined && !/^[1-9]\d{0,15}$/.test(value))
      throw new CliError(`${flag} is "${value}"; expected a whole number from 1.`, EXIT.usage);
  const from = before === undefined ? '' : `&before=${before}`;
  const lines = await clientOf(options).json<AuditLine[]>('GET', `/auth/audit?limit=${limit}${from}`);
  printResult(options.json === true, lines, () =>
    tableText(
      ['ID', 'TIME', 'WHO', 'ACTION', 'TARGET', 'NAMESPACE', 'ADDRESS', 'MORE'],
      lines.map(({ id, at, actor, action, target, namespace, address, detail }) => [
        String(id),
        timeText(at),
        // An operator and somebody unknown have no id of their own.
        actor.kind === actor.id ? actor.kind : `${actor.kind} ${actor.id}`,
        action,
        target,
        namespace,
        address ?? 'this machine',
        Object.entries(detail ?? {})
          .map(([key, value]) => `${key} ${String(value)}`)
          .join(', '),
      ]),
      [0],
    ),
  );
}
