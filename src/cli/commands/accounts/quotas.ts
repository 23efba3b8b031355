/** Owns the commands about quotas: `quota show`, `quota list`, `quota set` and `quota reset`. */
import { QUOTA_PARTS, type Quota, type QuotaPatch } from '../../../model/account/quota.js';
import { pairOf, valueOf } from '../../key-value.js';
import { clientOf, type CommonOptions } from '../../session.js';
import { printResult, styled } from '../../terminal/output.js';
import { sizeText } from '../../terminal/progress-bar.js';
import { tableText } from '../../terminal/table.js';

interface QuotaOf {
  namespace: string;
  quota: Quota;
}

export async function showQuota(options: CommonOptions): Promise<void> {
  const told = await clientOf(options).json<QuotaOf & { used: QuotaPatch }>('GET', '/auth/quota');
  printResult(options.json === true, told, () =>
    tableText(
      ['PART', 'USED', 'QUOTA'],
      QUOTA_PARTS.map((part) => [part, amount(part, told.used[part], '-'), amount(part, told.quota[part])]),
      [1, 2],
    ),
  );
}

export async function listQuotas(options: CommonOptions): Promise<void> {
  const told = await clientOf(options).json<{ standard: Quota; namespaces: Record<string, QuotaPatch> }>(
    'GET',
    '/auth/quotas',
  );
  printResult(options.json === true, told, () => {
    const row = (name: string, quota: QuotaPatch): string[] => [
      name,
      ...QUOTA_PARTS.map((part) => amount(part, part in quota ? quota[part] : told.standard[part])),
    ];
    return tableText(
      ['NAMESPACE', ...QUOTA_PARTS],
      [
        row('(standard)', told.standard),
        ...Object.entries(told.namespaces).map(([name, own]) => row(name, own)),
      ],
      [1, 2, 3, 4],
    );
  });
}

export async function setQuota(namespace: string, parts: string[], options: CommonOptions): Promise<void> {
  const patch = Object.fromEntries(
    parts.map((text) => pairOf(text, 'functions=20')).map(([part, value]) => [part, valueOf(value)]),
  );
  const told = await clientOf(options).json<QuotaOf>('PUT', pathOf(namespace), patch);
  printResult(
    options.json === true,
    told,
    () => `${styled('green', '✓')} ${told.namespace} may have ${shown(told.quota)}`,
  );
}

export async function resetQuota(namespace: string, options: CommonOptions): Promise<void> {
  const told = await clientOf(options).json<QuotaOf>('DELETE', pathOf(namespace));
  printResult(
    options.json === true,
    told,
    () => `${styled('green', '✓')} ${told.namespace} has the standard quota: ${shown(told.quota)}`,
  );
}

function pathOf(namespace: string): string {
  return `/auth/quotas/${encodeURIComponent(namespace)}`;
}

function shown(quota: Quota): string {
  return QUOTA_PARTS.map((part) => `${part} ${amount(part, quota[part])}`).join(', ');
}

/** @param absent shown where the server tells nothing */
function amount(
  part: (typeof QUOTA_PARTS)[number],
  value: number | null | undefined,
  absent = 'no limit',
): string {
  if (value === undefined || value === null) return absent;
  return part === 'bundleBytes' ? sizeText(value) : String(value);
}
