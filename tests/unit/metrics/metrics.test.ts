import test from 'ava';
import type { FunctionId } from '../../../src/model/function/id.js';
import { createMetrics } from '../../../src/metrics/metrics.js';

/** Ids are told apart by the names of their functions. */
const idOf = (funcName: string): FunctionId => `id-of-${funcName}` as FunctionId;
const named = (funcName: string) => ({ functionId: idOf(funcName) });

function setUp() {
  const values = { queueLength: 3, recordsDropped: 2, driverAvailable: false, functions: 5 };
  const deleted = new Set<FunctionId>();
  const metrics = createMetrics({
    queueLength: () => values.queueLength,
    queueAgeMs: () => 1500,
    idleBytes: () => 7,
    idleBudgetBytes: 70,
    createdPerSecond: () => 0.5,
    recordsDropped: () => values.recordsDropped,
    driverAvailable: () => values.driverAvailable,
    functions: () => values.functions,
    labelOf: (id) => (deleted.has(id) ? undefined : id.replace('id-of-', '')),
  });
  const lines = async () =>
    (await metrics.text()).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const calls = async () => (await lines()).filter((line) => line.startsWith('glambdar_invocations_total'));
  return { metrics, lines, calls, deleted };
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
  const { metrics, calls: callLines } = setUp();
  const call = { outcome: 'ok', start: null, durationMs: 1 };
  metrics.invocation({ ...call, ...named('a"b\nc') });
  for (let index = 0; index < 250; index += 1) metrics.invocation({ ...call, ...named(`f${index}`) });
  metrics.invocation({ ...call, ...named('f0'), start: 'warm' });
  const calls = await callLines();
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

test('a deleted function is gone, and starts at 0 when it is deployed again', async (t) => {
  const { metrics, calls } = setUp();
  const call = { ...named('hello'), start: 'warm', durationMs: 1 };
  metrics.invocation({ ...call, outcome: 'ok' });
  metrics.invocation({ ...call, outcome: 'timeout' });
  metrics.invocation({ ...call, ...named('stays'), outcome: 'ok' });
  metrics.forget(idOf('hello'));
  const stays = 'glambdar_invocations_total{function="stays",outcome="ok",start="warm"} 1';
  t.deepEqual(await calls(), [stays]);
  metrics.invocation({ ...call, outcome: 'ok' });
  t.deepEqual(await calls(), [
    stays,
    'glambdar_invocations_total{function="hello",outcome="ok",start="warm"} 1',
  ]);
});

test('a call that ends after its function was deleted does not bring it back', async (t) => {
  const { metrics, calls, deleted } = setUp();
  const call = { ...named('hello'), outcome: 'ok', start: 'warm', durationMs: 1 };
  metrics.invocation(call);
  deleted.add(idOf('hello'));
  metrics.forget(idOf('hello'));
  metrics.invocation(call);
  t.deepEqual(await calls(), ['glambdar_invocations_total{function="other",outcome="ok",start="warm"} 1']);
});

test('deleted functions leave their labels to others, but never take the common one away', async (t) => {
  const { metrics, calls } = setUp();
  const call = { outcome: 'ok', start: 'warm', durationMs: 1 };
  for (let index = 0; index < 500; index += 1) {
    metrics.invocation({ ...call, ...named(`f${index}`) });
    metrics.forget(idOf(`f${index}`));
  }
  t.deepEqual(await calls(), []);
  for (let index = 0; index < 201; index += 1) metrics.invocation({ ...call, ...named(`g${index}`) });
  metrics.forget(idOf('other'));
  t.is((await calls()).length, 201);
  metrics.forget(idOf('g0'));
  metrics.invocation({ ...call, ...named('late') });
  t.true((await calls()).includes('glambdar_invocations_total{function="late",outcome="ok",start="warm"} 1'));
});

test('functions of one name in two namespaces are counted apart', async (t) => {
  const { metrics, calls } = setUp();
  const call = { outcome: 'ok', start: 'warm', durationMs: 1 };
  metrics.invocation({ ...call, ...named('hello') });
  metrics.invocation({ ...call, ...named('other-people/hello') });
  t.deepEqual(await calls(), [
    'glambdar_invocations_total{function="hello",outcome="ok",start="warm"} 1',
    'glambdar_invocations_total{function="other-people/hello",outcome="ok",start="warm"} 1',
  ]);
});
