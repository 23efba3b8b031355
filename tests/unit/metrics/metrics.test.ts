import test from 'ava';
import { createMetrics } from '../../../src/metrics/metrics.js';

function setUp() {
  const values = { queueLength: 3, recordsDropped: 2, driverAvailable: false, functions: 5 };
  const metrics = createMetrics({
    queueLength: () => values.queueLength,
    queueAgeMs: () => 1500,
    idleBytes: () => 7,
    idleBudgetBytes: 70,
    createdPerSecond: () => 0.5,
    recordsDropped: () => values.recordsDropped,
    driverAvailable: () => values.driverAvailable,
    functions: () => values.functions,
  });
  const lines = async () =>
    (await metrics.text()).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { metrics, lines };
}

test('gauges are read when they are asked for', async (t) => {
  const { metrics, lines } = setUp();
  t.regex((await metrics.text()).contentType, /^text\/plain/);
  const text = await lines();
  for (const line of [
    'glambdar_queue_length 3',
    'glambdar_queue_age_seconds 1.5',
    'glambdar_idle_memory_bytes 7',
    'glambdar_idle_memory_budget_bytes 70',
    'glambdar_instances_created_per_second 0.5',
    'glambdar_records_dropped 2',
    'glambdar_driver_available 0',
    'glambdar_functions 5',
  ])
    t.true(text.includes(line), line);
});

test('instances are counted in the state they are in', async (t) => {
  const { metrics, lines } = setUp();
  metrics.transition(null, 'starting', 0);
  metrics.transition(null, 'starting', 0);
  metrics.transition('starting', 'standby', 40);
  metrics.transition('standby', 'stopping', 5);
  metrics.transition('stopping', 'stopped', 5);
  const text = await lines();
  t.true(text.includes('glambdar_instances{state="starting"} 1'));
  t.true(text.includes('glambdar_instances{state="standby"} 0'));
  t.false(text.some((line) => line.includes('state="stopped"')));
  t.true(text.includes('glambdar_instances_created_total 2'));
  t.true(text.includes('glambdar_instance_start_seconds_sum 0.04'));
});

test('functions beyond the first 200 share a label, and names are escaped', async (t) => {
  const { metrics, lines } = setUp();
  const call = { outcome: 'ok', start: null, durationMs: 1 };
  metrics.invocation({ ...call, funcName: 'a"b\nc' });
  for (let index = 0; index < 250; index += 1) metrics.invocation({ ...call, funcName: `f${index}` });
  metrics.invocation({ ...call, funcName: 'f0', start: 'warm' });
  const calls = (await lines()).filter((line) => line.startsWith('glambdar_invocations_total'));
  t.is(calls.length, 200 + 1 + 1);
  t.true(calls.includes('glambdar_invocations_total{function="other",outcome="ok",start="none"} 51'));
  t.true(calls.includes('glambdar_invocations_total{function="f0",outcome="ok",start="warm"} 1'));
  t.true(calls[0]?.includes('function="a\\"b\\nc"'));
});

test('requests are timed by route, never by path', async (t) => {
  const { metrics, lines } = setUp();
  metrics.request({ route: '/invoke/:name', method: 'POST', status: 200, seconds: 0.3 });
  t.true(
    (await lines()).includes(
      'glambdar_http_request_duration_seconds_count{route="/invoke/:name",method="POST",status="200"} 1',
    ),
  );
});
