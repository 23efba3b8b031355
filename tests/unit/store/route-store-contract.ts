/** Owns what every `RouteStore` must do. Each implementation runs it from a test file of its own. */
import test, { type ExecutionContext } from 'ava';
import type { FunctionStore } from '../../../src/store/function-store.js';
import type { RouteRecord, RouteStore } from '../../../src/store/route-store.js';
import { idOf, publication } from './builders.js';

export interface OpenedStores {
  routes: RouteStore;
  /** The functions that routes may lead to. */
  functions: FunctionStore;
}

/** @param open empty stores; the suite closes that of functions */
export function routeStoreContract(
  subject: string,
  open: (t: ExecutionContext) => OpenedStores | Promise<OpenedStores>,
): void {
  const opened = async (t: ExecutionContext): Promise<OpenedStores> => {
    const stores = await open(t);
    t.teardown(() => stores.functions.close());
    await stores.functions.publish(publication('f'));
    await stores.functions.publish(publication('g'));
    return stores;
  };
  const route = (id: string, path: string, name = 'f', createdAt = 1): RouteRecord => {
    return { id, namespace: 'default', path, functionId: idOf(name), createdAt };
  };

  test(`${subject} is empty when new`, async (t) => {
    const { routes } = await opened(t);
    t.deepEqual(await routes.list(), []);
    t.is(await routes.get('a'), undefined);
    t.is(await routes.find('default', '/a'), undefined);
    t.false(await routes.remove('a'));
  });

  test(`${subject} returns routes as they were given, the first made first`, async (t) => {
    const { routes } = await opened(t);
    t.is(await routes.put(route('b', '/b', 'g', 2)), 'stored');
    t.is(await routes.put(route('a', '/a €', 'f', 3)), 'stored');
    t.deepEqual(await routes.list(), [route('b', '/b', 'g', 2), route('a', '/a €', 'f', 3)]);
    t.deepEqual(await routes.get('a'), route('a', '/a €', 'f', 3));
  });

  test(`${subject} finds a route by its exact path only`, async (t) => {
    const { routes } = await opened(t);
    await routes.put(route('a', '/a'));
    t.is((await routes.find('default', '/a'))?.id, 'a');
    for (const other of ['/A', '/a/', 'a', '', '/', '/a%', '/_'])
      t.is(await routes.find('default', other), undefined, other);
  });

  test(`${subject} refuses a path that another route has, and a function that is not there`, async (t) => {
    const { routes } = await opened(t);
    await routes.put(route('a', '/a'));
    t.is(await routes.put(route('b', '/a')), 'path-taken');
    t.is(await routes.put(route('b', '/b', 'nobody')), 'no-function');
    t.deepEqual(await routes.list(), [route('a', '/a')]);
  });

  test(`${subject} keeps the paths of two namespaces apart`, async (t) => {
    const { routes } = await opened(t);
    await routes.put(route('a', '/a'));
    t.is(await routes.put({ ...route('b', '/a', 'g'), namespace: 'other' }), 'stored');
    t.is((await routes.find('default', '/a'))?.id, 'a');
    t.is((await routes.find('other', '/a'))?.id, 'b');
    t.is(await routes.find('third', '/a'), undefined);
  });

  test(`${subject} replaces path and function of a route that is there`, async (t) => {
    const { routes } = await opened(t);
    await routes.put(route('a', '/a'));
    t.is(await routes.put(route('a', '/a', 'g', 9)), 'stored');
    t.is(await routes.put(route('a', '/other', 'g', 9)), 'stored');
    t.deepEqual(await routes.list(), [route('a', '/other', 'g')]);
    t.is(await routes.find('default', '/a'), undefined);
  });

  test(`${subject} forgets a route once`, async (t) => {
    const { routes } = await opened(t);
    await routes.put(route('a', '/a'));
    t.true(await routes.remove('a'));
    t.false(await routes.remove('a'));
    t.is(await routes.put(route('b', '/a')), 'stored');
  });

  test(`${subject} forgets the routes of a function that is deleted, and no others`, async (t) => {
    const { routes, functions } = await opened(t);
    await routes.put(route('a', '/a', 'f'));
    await routes.put(route('b', '/b', 'g'));
    await functions.remove(idOf('f'));
    t.deepEqual(await routes.list(), [route('b', '/b', 'g')]);
    t.is(await routes.put(route('c', '/a', 'g')), 'stored');
  });

  test(`${subject} keeps the routes of a function that gets a new version`, async (t) => {
    const { routes, functions } = await opened(t);
    await routes.put(route('a', '/a', 'f'));
    await functions.publish(publication('f', 2));
    t.deepEqual(await routes.list(), [route('a', '/a', 'f')]);
  });
}
