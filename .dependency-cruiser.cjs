/**
 * Owns what may import what: the folders of src, the server and its workers, and the packages. Run by `npm run lint`.
 * Start here to learn how the folders of src relate.
 */

/**
 * Folder of src → the folders it may import besides itself, model/ and the leaves. A folder may list only folders above
 * it, so the arrows form no circle.
 */
const folders = {
  model: [],
  store: [],
  data: [],
  driver: [],
  runtimes: [],
  instance: ['driver', 'runtimes'], // and the worker's protocol
  turns: [],
  pool: ['turns', 'instance', 'driver', 'runtimes'],
  images: ['turns', 'instance', 'driver', 'runtimes'],
  install: ['instance', 'driver'],
  registry: ['store', 'data'],
  secrets: ['store', 'data'],
  backup: ['registry', 'store', 'data'],
  deploy: ['registry', 'store', 'data'], // installing and load-checking are ports handed to it
  accounts: ['store'],
  invocation: ['registry', 'store'], // executors are handed to it
  http: ['invocation', 'deploy', 'registry', 'secrets', 'accounts'],
  dashboard: [], // it talks to the server over HTTP, like everybody else
  cli: [], // likewise
};

/** Files and folders of src that every folder may import. They import each other and model/ at most. */
const leaves = [
  'clock',
  'config',
  'config-variables',
  'errors',
  'ewma',
  'faults',
  'installed-file',
  'logger',
  'metrics',
  'oom-score',
  'slice',
];

/** Files and folders of src that may import everything; the first two of them, where processes begin, are imported by nobody. */
const roots = ['main', 'admin', 'roles'];

/** Package → who may import it, types included: one vendor, one place. A package without a row may be imported nowhere. */
const vendors = {
  dockerode: '^src/driver/docker/',
  '@photostructure/sqlite': '^src/store/sqlite/',
  'adm-zip': '^src/(cli|deploy/archive)/',
  'tar-stream': '^src/(driver/docker/image|deploy/archive|backup)/',
  commander: '^src/cli/',
  ignore: '^src/cli/bundle/',
  koa: '^src/http/',
  '@koa/router': '^src/http/',
  'koa-body': '^src/http/',
  multer: '^src/http/',
  yazl: '^src/deploy/archive/',
  pino: '^src/logger\\.ts$',
  jose: '^src/accounts/',
  'prom-client': '^src/metrics/',
  zod: '^src/',
};

/** Started by path, as threads, processes or scripts of a browser, so no import leads to them. */
const entries = [
  '^src/(main|admin)\\.ts$',
  '^src/.*-thread(-boot)?\\.(ts|mjs)$',
  '^src/(cli|dashboard)/',
  '^worker/[^/]+/main\\.cjs$',
  '^worker/[^/]+/contracts/',
  '^worker/glambdar\\.d\\.ts$',
];

/** Not there on every Node, and not in what is shipped: whoever imports them asks first. */
const optional = ['^(node:)?sqlite$', '^tsx/esm/api$'];

/** A pattern for these files and folders of src. */
const src = (...names) => `^src/(${names.join('|')})(/|\\.ts$)`;
/** A pattern for the files of a package, or of its types. */
const files = (name) => `node_modules/(@types/)?${name.replace(/^@(.*)\/(.*)$/, '@?$1(/|__)$2')}/`;
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const known = [...Object.keys(folders), ...leaves, ...roots];
for (const [index, [folder, allowed]] of Object.entries(folders).entries())
  for (const name of allowed)
    if (!Object.keys(folders).slice(0, index).includes(name))
      throw new Error(`${folder} may import ${name}, which does not stand above it in the table of folders.`);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(folders).map(([folder, allowed]) =>
      rule(
        `${folder}-imports`,
        `${folder} may import ${[...allowed, 'model', ...leaves].join(', ')}.`,
        { path: src(folder) },
        { path: '^src/', pathNot: src(folder, 'model', ...leaves, ...allowed) },
      ),
    ),
    rule(
      'leaf-imports',
      'A leaf may import other leaves and model/.',
      { path: src(...leaves) },
      { path: '^src/', pathNot: src('model', ...leaves) },
    ),
    rule(
      'unknown-folder',
      'Give the folder a row in the table of folders.',
      { path: '^src/', pathNot: src(...known) },
      {},
    ),
    rule(
      'main-is-first',
      'A process begins in this file; nobody imports it.',
      {},
      { path: src(...roots.slice(0, 2)) },
    ),
    rule('no-circular', 'Two files that need each other are one file, or three.', {}, { circular: true }),
    rule(
      'no-unresolvable',
      'There is no such file or package.',
      {},
      { couldNotResolve: true, pathNot: optional },
    ),

    rule(
      'worker-imports',
      'A worker runs in containers, alone: it may import Node and itself.',
      { path: '^worker/([^/]+)/' },
      { pathNot: '^worker/$1/', dependencyTypesNot: ['core'] },
    ),
    rule(
      'worker-door',
      'Server and worker share the protocol, and how a runtime finds the entry file of a bundle. Nothing else.',
      { path: '^src/' },
      { path: '^worker/', pathNot: '^worker/[^/]+/(protocol|entry)\\.cjs$' },
    ),
    rule(
      'worker-protocol',
      'Only instance/ speaks with workers.',
      { path: '^src/', pathNot: src('instance') },
      { path: '^worker/', pathNot: '^worker/[^/]+/entry\\.cjs$' },
    ),
    rule(
      'worker-entry',
      'Only runtimes/ knows what the bundles of a language begin with.',
      { path: '^src/', pathNot: src('runtimes') },
      { path: '^worker/[^/]+/entry\\.cjs$' },
    ),
    rule(
      'product-only',
      'Tests and scripts use the product, not the other way round.',
      { path: '^(src|worker)/' },
      { path: '^(tests|scripts|examples|functions)/' },
    ),

    ...Object.entries(vendors).map(([name, where]) =>
      rule(
        `vendor-${name}`,
        `${name} belongs in ${where}`,
        { path: '^(src|worker)/', pathNot: where },
        { path: files(name) },
      ),
    ),
    rule(
      'vendor-node:sqlite',
      'Databases belong in src/store/sqlite/.',
      { path: '^(src|worker)/', pathNot: '^src/store/sqlite/' },
      { path: '^(node:)?sqlite$' },
    ),
    rule(
      'vendor-unknown',
      'Give the package a row in the table of vendors.',
      { path: '^(src|worker)/' },
      { path: 'node_modules/', pathNot: [...Object.keys(vendors).map(files), 'node_modules/@types/node/'] },
    ),

    {
      name: 'no-orphans',
      comment: 'No import leads to this file from where a program begins.',
      severity: 'error',
      from: { path: entries },
      to: { path: '^(src|worker)/', pathNot: entries, reachable: false },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    parser: 'tsc',
    tsPreCompilationDeps: true,
    detectJSDocImports: true,
    detectProcessBuiltinModuleCalls: true,
    doNotFollow: { path: 'node_modules' },
  },
};
