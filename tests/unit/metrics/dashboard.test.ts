import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import type { FunctionId } from '../../../src/model/function/id.js';
import { createMetrics } from '../../../src/metrics/metrics.js';

const folder = join(import.meta.dirname, '../../../examples/monitoring');

interface Dashboard {
  panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
}

/** Series → names of its labels, as `/metrics` has them after something of everything has happened. */
async function seriesWithLabels(): Promise<Map<string, Set<string>>> {
  const none = () => 0;
  const metrics = createMetrics({
    queueLength: none,
    queueAgeMs: none,
    idleBytes: none,
    idleBudgetBytes: 0,
    createdPerSecond: none,
    recordsDropped: none,
    driverAvailable: () => true,
    functions: none,
    labelOf: () => 'f',
  });
  metrics.transition(null, 'starting', 0);
  metrics.transition('starting', 'standby', 40);
  metrics.refilled(3);
  metrics.request({ route: '/invoke/:name', method: 'POST', status: 200, seconds: 0.3 });
  const call = { functionId: 'id' as FunctionId, outcome: 'ok', durationMs: 1 };
  metrics.invocation({ ...call, start: 'warm' });
  const found = new Map<string, Set<string>>();
  for (const line of (await metrics.text()).body.split('\n')) {
    const [, name, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name !== undefined)
      found.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map(([, label]) => label ?? '')));
  }
  return found;
}

test('every series and label of the Grafana dashboard is one that the server has', async (t) => {
  const series = await seriesWithLabels();
  const { panels } = JSON.parse(readFileSync(join(folder, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
  const used = new Set<string>();
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const names = expr.match(/glambdar_\w+/g) ?? [];
      t.true(names.length > 0, title);
      for (const name of names) {
        used.add(name);
        t.true(series.has(name), `${title}: ${name}`);
        const labels = [
          ...(/ by \(([^)]*)\)/.exec(expr)?.[1]?.split(/, ?/) ?? []),
          ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label ?? ''),
          ...[...expr.matchAll(/[{,](\w+)!?=/g)].map(([, label]) => label ?? ''),
        ];
        for (const label of labels) t.true(series.get(name)?.has(label), `${title}: ${name}{${label}}`);
      }
    }
  }
  const shown = [...used].map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  const all = [...series.keys()].map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  const hidden = [...new Set(all)].filter((name) => !shown.includes(name));
  t.deepEqual(hidden, ['glambdar_instances_created_total', 'glambdar_instances_created_per_second']);
});

test('the example for Prometheus reads the server where it listens by default', (t) => {
  const { scrape_configs: jobs } = parse(readFileSync(join(folder, 'prometheus.yml'), 'utf8')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  t.deepEqual(jobs[0]?.static_configs, [{ targets: ['127.0.0.1:8000'] }]);
});
