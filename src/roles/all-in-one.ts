/** Owns putting all parts of a server together: built in order, closed in reverse. Every start is the recovery; there is no other. */
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Accounts } from '../accounts/accounts.js';
import { Quotas } from '../accounts/quotas.js';
import { systemClock } from '../clock.js';
import type { Config } from '../config.js';
import { createDockerDriver } from '../driver/docker/docker-driver.js';
import type { Driver } from '../driver/driver.js';
import { createApp } from '../http/app.js';
import { BodyBudget } from '../http/answers/body-budget.js';
import { createDoorApp } from '../http/door/door-app.js';
import { createDoorUrl } from '../http/door/door-url.js';
import { FunctionLimits } from '../invocation/function-limits.js';
import { NamespaceLimits } from '../invocation/namespace-limits.js';
import { ContextFolders } from '../images/context-folders.js';
import { ImagePlaces } from '../images/image-places.js';
import { createImageSupply } from '../images/image-supply.js';
import { PinnedImages } from '../images/pinned-images.js';
import { RunOnceExecutor } from '../images/run-once-executor.js';
import { UidAllocator } from '../instance/uid-allocator.js';
import { ExecutorChoice } from '../invocation/executor-choice.js';
import { createInvoker } from '../invocation/invoker.js';
import { createLogs } from '../invocation/logs.js';
import { Recorder } from '../invocation/recorder.js';
import type { Logger } from '../logger.js';
import { createMetrics } from '../metrics/metrics.js';
import type { InstanceState } from '../instance/instance-state.js';
import { createLoadCheck } from '../pool/executor/load-check.js';
import { PoolExecutor } from '../pool/executor/pool-executor.js';
import { profileOf } from '../pool/executor/function-profile.js';
import { codeKeyOf, createWorkloads } from '../pool/executor/workloads.js';
import type { Executor } from '../model/call/execution.js';
import { NpmInstaller } from '../install/npm-installer.js';
import type { ContractName } from '../model/contracts.js';
import { node } from '../runtimes/node.js';
import { Pool } from '../pool/pool.js';
import { shownRef } from '../model/function/ref.js';
import type { FunctionRecord } from '../model/function/function.js';
import { DEFAULT_SETTINGS } from '../model/function/settings.js';
import { FunctionRegistry } from '../registry/function-registry.js';
import type { Registry } from '../registry/registry.js';
import type { AccountStore } from '../store/account-store.js';
import { Routes } from '../registry/routes.js';
import { secretFile, TOKEN_SECRET_FILE } from '../data/secret-file.js';
import { KeyFile } from '../data/key-file.js';
import { Secrets } from '../secrets/secrets.js';
import { GlambdarError } from '../errors.js';
import { openDataDirectory } from '../data/data-directory.js';
import { mountMemory, unmountMemory } from '../data/memory-file-system.js';
import { readRestored } from '../data/sidecar.js';
import { BundleDependencies } from '../deploy/dependencies/bundle-dependencies.js';
import { DependencyTrees } from '../deploy/dependencies/dependency-trees.js';
import { DeployPipeline } from '../deploy/deploy-pipeline.js';
import { NamespaceRoom } from '../deploy/namespace-room.js';
import type { Quota } from '../model/account/quota.js';
import { SqliteCallStore } from '../store/sqlite/calls/sqlite-call-store.js';
import { SqliteFunctionStore } from '../store/sqlite/functions/sqlite-function-store.js';
import { Closers } from './closers.js';
import { installRuntimes, prepareImage } from './installed-runtimes.js';
import { Listeners } from './listeners.js';
import { createReadiness } from './readiness.js';
import type { ServerEvents } from './terminal.js';
import { lockFile } from '../store/sqlite/lock-file.js';

/** How long instances ready beyond the wanted number are kept: the next burst may want them. */
const SURPLUS_MS = 60_000;
/** Time for a ready worker's own warm-up, which takes 30 ms, and twice that while other containers start. */
const SETTLE_MS = 100;
/** Work that no call waits for begins after such a pause. Calls that come one after the other are a few milliseconds apart. */
const LULL = { quietMs: 20, mostMs: 150 };
const MIB = 2 ** 20;
/** How many uids instances have, from the configured one on; those of installs follow. */
const INSTANCE_UIDS = 20_000;
const TOKEN_SECRET_BYTES = 32;

export interface Runtime {
  url: string;
  /** Where the listener for functions is; null when there is none. */
  functionsUrl: string | null;
  /** How many calls run or wait now. */
  runningCalls(): number;
  /**
   * Stops accepting calls, lets running calls finish within `graceMs`, removes every container, writes pending records.
   * May be called again with a shorter grace.
   */
  close(graceMs: number): Promise<void>;
}

export interface RuntimeOptions {
  config: Config;
  logger: Logger;
  /** Called with sentences for the operator while images are prepared. */
  progress: (line: string) => void;
  /** Called with a new admin key, which is shown nowhere else, when the server starts with accounts and has no admin. */
  showAdminKey?: (key: string) => void;
  /** Told of deploys, calls and refusals, for a person who watches. */
  events?: ServerEvents;
  /** Makes another driver than Docker's, for tests. */
  createDriver?: (options: Parameters<typeof createDockerDriver>[0]) => Driver;
}

/** Starts a server. When a step fails, the parts opened before it are closed again. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const closers = new Closers();
  try {
    return await build(options, closers);
  } catch (error) {
    await closers
      .closeAll()
      .catch((err: unknown) => options.logger.error({ err }, 'a part of the server could not be closed'));
    throw error;
  }
}

async function build(
  { config, logger, progress, showAdminKey, events, createDriver = createDockerDriver }: RuntimeOptions,
  closers: Closers,
): Promise<Runtime> {
  // 1. The directory: locked, identified, slots and staging emptied.
  const directory = openDataDirectory(config.dir, {
    lockFile,
    reserve: { ballastBytes: config.diskReserveMb * MIB },
  });
  closers.add(() => directory.close());

  // 2. The stores.
  const medium = { dir: directory.path, logger, onFull: () => directory.reserve.release() };
  const functions = new SqliteFunctionStore({
    ...medium,
    readRestored: () => readRestored(directory.functionsDir),
  });
  closers.add(() => functions.close());
  const calls = new SqliteCallStore(medium);
  closers.add(() => calls.close());

  // 3. The accounts, if there are any.
  const accounts = config.auth
    ? new Accounts({
        store: functions.accounts,
        auditStore: functions.audit,
        tokenSecret:
          config.tokenSecret === null
            ? secretFile(join(directory.path, TOKEN_SECRET_FILE), TOKEN_SECRET_BYTES)
            : Buffer.from(config.tokenSecret),
        registration: config.registration,
        clock: systemClock,
        logger,
      })
    : null;
  closers.add(() => accounts?.close());
  const quotas = new Quotas(functions.quotas, config.quota);
  await quotas.open();

  // 4. The driver, not opened yet.
  const filesDir = join(directory.runDir, 'worker');
  const installed = installRuntimes(filesDir, config.image);
  for (const runtime of installed.values()) runtime.repair();
  const driver = createDriver({
    dockerHost: config.dockerHost,
    ociRuntime: config.runtime,
    dirId: directory.id,
    bootId: randomUUID(),
    runRoot: directory.runDir,
    filesDir,
    gently: () => pool.severalCalled(),
    hostPrograms: () => installer.hostPrograms(),
    logger,
    registryAuth: config.registryAuth,
  });

  // 5. The parts that hold no resources of their own.
  const metrics = createMetrics({
    queueLength: () => pool.gauges().queueLength + places.gauges().queueLength,
    queueAgeMs: () => Math.max(pool.gauges().queueAgeMs, places.gauges().queueAgeMs),
    createdPerSecond: () => pool.gauges().createdPerSecond,
    idleBytes: () => pool.gauges().idleBytes,
    idleBudgetBytes: config.memoryBudgetMb * MIB,
    recordsDropped: () => recorder.dropped,
    driverAvailable: () => driver.health().available,
    functions: () => registry.records().length,
    labelOf: (id) => {
      const record = registry.byId(id);
      return record && shownRef(record.ref);
    },
  });
  const uids = new UidAllocator(config.uidBase);
  const places: ImagePlaces = new ImagePlaces({
    most: Math.max(1, config.maxInstances >> 1),
    mostStarting: config.maxStarting,
    maxWaiting: config.maxQueue,
    queueTimeoutMs: config.queueTimeoutMs,
    room: () => config.maxInstances - pool.size - places.taken,
    limitsChanged: () => pool.limitsChanged(),
    othersStarve: () => pool.size === 0 && pool.gauges().queueLength > 0,
    driver,
    uids,
    clock: systemClock,
  });
  const pool: Pool = new Pool({
    driver,
    runtimeOf: (name) => installed.get(name)!,
    runDir: directory.runDir,
    limits: {
      get maxInstances() {
        return config.maxInstances - places.reserved;
      },
      maxStarting: config.maxStarting,
      maxRefilling: availableParallelism(),
      placesForCalls: Math.min(config.maxStarting, config.maxInstances >> 2),
      maxWaiting: config.maxQueue,
    },
    cores: availableParallelism(),
    clock: systemClock,
    defaultProfile: profileOf({ ...DEFAULT_SETTINGS, network: config.defaultNetwork }, node.name),
    minStandby: config.standby,
    memoryBudgetBytes: config.memoryBudgetMb * MIB,
    lull: LULL,
    settleMs: SETTLE_MS,
    surplusMs: SURPLUS_MS,
    uids,
    startTimeoutMs: config.startTimeoutMs,
    loadTimeoutMs: config.loadTimeoutMs,
    queueTimeoutMs: config.queueTimeoutMs,
    keepAliveMs: config.keepAliveMs,
    maxBodyBytes: config.maxBodyBytes,
    withRoom: (work) => directory.reserve.withRoom(work),
    logger,
    onTransition: (instance, from, previousMs) =>
      metrics.transition(
        from && labelOf(from, instance.calls),
        labelOf(instance.state, instance.calls),
        previousMs,
      ),
    onRefilled: (ms) => metrics.refilled(ms),
    onRoom: () => places.pass(),
  });
  const activate = (record: FunctionRecord, lastUsedAt: number | null, deployed: boolean): void => {
    const { source } = record.active;
    // Nothing is made ready ahead of the calls of an image that runs once, or that is not there.
    if (source.type === 'image' && (record.settings.contract !== 'cloudfunc' || source.digest === null))
      return;
    const unusedMs = lastUsedAt === null ? Infinity : Date.now() - lastUsedAt;
    try {
      pool.activate(workloadOf(record), unusedMs, deployed);
    } catch (error) {
      // Its secrets cannot be read, which the log says. Its calls are refused until they can; other functions do not care.
      if (!(error instanceof GlambdarError) || error.code !== 'SECRETS_UNAVAILABLE') throw error;
    }
  };
  const limits = new FunctionLimits();
  const registry = new FunctionRegistry({
    store: functions,
    calls,
    functionsDir: directory.functionsDir,
    tmpDir: directory.tmpDir,
    onActive: (record, lastUsedAt, deployed) => {
      activate(record, lastUsedAt, deployed);
      if (deployed) events?.deployed(shownRef(record.ref), record.active.version);
    },
    onRetired: (record) => {
      const key = codeKeyOf(record.active, secrets.revisionOf(record.id));
      if (registry.byId(record.id) === undefined) secrets.forget(record.id);
      return pool.retire(key);
    },
    onRemoved: ({ id, ref }) => {
      limits.forget(id);
      metrics.forget(id);
      recorder.forget(id);
      events?.deleted(shownRef(ref));
    },
    clock: systemClock,
    logger,
  });
  const secrets: Secrets = new Secrets({
    store: functions.secrets,
    keyFile: new KeyFile(directory.path, () =>
      logger.warn(
        'secrets.key could be read by other users of this machine, and cannot any more; change the secrets',
      ),
    ),
    functions: registry,
    onChanged: (id) => {
      const record = registry.byId(id);
      if (record === undefined) return;
      activate(record, registry.counters(id)?.lastInvokedAt ?? null, true);
      const revision = secrets.revisionOf(id);
      if (revision > 0) void pool.retire(codeKeyOf(record.active, revision - 1));
    },
    logger,
  });
  const treeLimits = { maxUnpackedBytes: config.maxUnpackedBytes, maxEntries: config.maxEntries };
  const installer = new NpmInstaller({
    driver,
    image: installed.get(node.name)!.image,
    runDir: directory.runDir,
    programDir: join(filesDir, 'npm'),
    uidBase: config.uidBase + INSTANCE_UIDS,
    registry: config.npmRegistry,
    timeoutMs: config.installTimeoutMs,
    logger,
  });
  const trees = new DependencyTrees({
    dir: directory.dependenciesDir,
    tmpDir: directory.tmpDir,
    clock: systemClock,
    logger,
  });
  const routes = new Routes({ store: functions.routes, registry });
  const quotaOf = (namespace: string): Quota => quotas.of(namespace);
  const room = new NamespaceRoom({ records: () => registry.records(), quotaOf });
  const deployments = new DeployPipeline({
    registry,
    room,
    limits: { maxArchiveBytes: config.maxZipBytes, ...treeLimits },
    assertSpace: (bytes) => directory.reserve.assertSpace(bytes),
    dependencies: new BundleDependencies({ installer, trees, tmpDir: directory.tmpDir, limits: treeLimits }),
    foreseeEntry: (treeDir, handler) => node.foreseeEntry(treeDir, handler),
    images: createImageSupply({ driver, logger }),
    defaultNetwork: config.defaultNetwork,
    loadCheck: createLoadCheck({
      pool,
      prepareNetwork: (network) => driver.prepareNetwork(network),
      copyTree: (treeDir, target) => trees.copy(treeDir, target),
      secrets,
    }),
  });
  const workloadOf = createWorkloads(
    {
      copy: (record, target) => registry.copyCode(record, target),
      verify: (record) => registry.verifyCode(record),
    },
    secrets,
  );
  const recorder = new Recorder({
    store: calls,
    counters: (id) => registry.counters(id),
    keepPerFunction: config.keepRecords,
    logger,
  });
  const logs = createLogs({
    store: calls,
    recorder,
    idOf: (ref) => registry.record(ref).id,
    namespaceOf: (id) => registry.byId(id)?.ref.namespace,
  });
  const pooled = new PoolExecutor({
    pool,
    workloadOf,
    clock: systemClock,
    maxResponseBytes: config.maxBodyBytes,
    cancelGraceMs: config.cancelGraceMs,
  });
  const folders = new ContextFolders({
    dir: join(directory.runDir, 'context'),
    maxBodyBytes: config.maxBodyBytes,
    mount: mountMemory,
    unmount: unmountMemory,
    logger,
  });
  const runOnce = new RunOnceExecutor({
    driver,
    images: new PinnedImages(driver),
    places,
    folders,
    clock: systemClock,
    logger,
    startTimeoutMs: config.startTimeoutMs,
    maxResponseBytes: config.maxBodyBytes,
    cancelGraceMs: config.cancelGraceMs,
  });
  const namespaces = new NamespaceLimits(quotaOf);
  const invoker = createInvoker({
    functions: registry,
    namespaces,
    executor: new ExecutorChoice({
      bundles: pooled,
      images: new Map<ContractName, Executor>([
        ['go-serverless', runOnce],
        ['cloudfunc', pooled],
      ]),
    }),
    limits,
    recorder,
    redactorOf: (id) => secrets.redactorOf(id),
    isKnownId: (id) => logs.has(id),
    logger,
    onFinished: (record) => {
      metrics.invocation(record);
      events?.called(record);
    },
  });

  // 6. The registry: brings the files on disk into line with the store.
  await secrets.open();
  await registry.open();
  await removeLeftFunctions(functions.accounts, registry, accounts, logger);
  closers.add(() => recorder.close());
  await trees.open();
  closers.add(() => trees.close());

  // 7. Containers: opening the driver removes orphans of earlier runs; then images and networks are prepared.
  closers.add(() => folders.close());
  closers.add(() => driver.close());
  await driver.open();
  for (const { image } of installed.values()) await prepareImage(driver, image, config.image, progress);
  if (config.defaultNetwork !== 'none') await driver.prepareNetwork(config.defaultNetwork);
  for (const { ref, settings } of registry.records())
    await driver
      .prepareNetwork(settings.network)
      .catch((err: unknown) =>
        logger.error({ err, function: ref.name }, 'the profile of a function cannot be had'),
      );
  closers.add(async () => {
    places.drain();
    await pool.destroy();
  });

  // 8. Last, the HTTP servers: that of the API, and that for functions, with the same limits.
  const bodies = new BodyBudget(config.maxBodiesBytes);
  const listeners = new Listeners({ config, logger });
  closers.add(() => listeners.close(0));
  const app = createApp({
    registry,
    deployments,
    routes,
    secrets,
    invoker,
    bodies,
    logs,
    readiness: createReadiness({
      stores: [functions, calls],
      runDir: directory.runDir,
      installed,
      driver,
      logger,
    }),
    metricsText: () => metrics.text(),
    onRequest: (request) => metrics.request(request),
    ...(events && { onRefused: (error) => events.refused(error) }),
    accounts,
    doorUrl:
      config.functions &&
      createDoorUrl({
        host: config.functions.host,
        port: () => listeners.functionsPort,
        domain: config.functions.domain,
        withNamespaces: config.auth,
        proxyProtocol: proxyProtocolOf(config),
      }),
    quotas,
    usage: (namespace) => ({ ...room.used(namespace), concurrentCalls: namespaces.running(namespace) }),
    logger,
    config: {
      host: config.host,
      publicUrl: config.publicUrl,
      trustedProxies: config.trustedProxies,
      maxBodyBytes: config.maxBodyBytes,
      maxBundleBytes: config.maxZipBytes,
      uploadDir: directory.tmpDir,
    },
  });
  const door =
    config.functions &&
    createDoorApp({
      functions: registry,
      authentication: accounts?.authentication ?? null,
      invoker,
      bodies,
      onRequest: (request) => metrics.request(request),
      ...(events && { onRefused: (error) => events.refused(error) }),
      logger,
      config: {
        domain: config.functions.domain,
        withNamespaces: config.auth,
        trustedProxies: config.trustedProxies,
        maxBodyBytes: config.maxBodyBytes,
      },
    });
  const { url, functionsUrl } = await listeners.open(app, door);
  // Not before the server listens: a start that is refused must leave the key for the one that is not.
  const adminKey = await accounts?.firstAdminKey();
  if (adminKey !== undefined) showAdminKey?.(adminKey);
  pool.open();

  let closing: Promise<void> | null = null;
  return {
    url,
    functionsUrl,
    runningCalls: () => namespaces.runningInAll(),
    async close(graceMs) {
      const drained = listeners.close(graceMs);
      closing ??= (async () => {
        await drained;
        await closers.closeAll();
      })();
      await closing;
    },
  };
}

/** The protocol that clients speak to a proxy before this server: that of the public URL if there is one, else the usual one. */
function proxyProtocolOf({
  trustedProxies,
  publicUrl,
}: Pick<Config, 'trustedProxies' | 'publicUrl'>): 'http:' | 'https:' | null {
  if (trustedProxies.rules.length === 0) return null;
  return publicUrl?.protocol === 'http:' ? 'http:' : 'https:';
}

/** Removes the functions of users whose removal the end of an earlier server cut off. A full disk must not prevent the start. */
async function removeLeftFunctions(
  store: Pick<AccountStore, 'removedUsers'>,
  registry: Registry,
  accounts: Accounts | null,
  logger: Logger,
): Promise<void> {
  for (const namespace of await store.removedUsers()) {
    const removed = (name: string): void =>
      void accounts?.audit.record({
        actor: { kind: 'operator', id: 'operator' },
        namespace,
        action: 'function.delete',
        target: name,
        address: null,
      });
    await registry
      .removeNamespace(namespace, removed)
      .catch((err: unknown) =>
        logger.warn(
          { err, namespace },
          'functions of a removed user are still there; the next start tries again',
        ),
      );
  }
}

/** The state as metrics show it: `idle` is split into `loaded` (never called) and `warm`. */
function labelOf(state: InstanceState, calls: number): string {
  if (state !== 'idle') return state;
  return calls > 0 ? 'warm' : 'loaded';
}
