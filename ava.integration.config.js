// The integration tests: real Docker, real HTTP. One file at a time, because they share the machine's daemon and
// measure time. They skip themselves unless RUN_INTEGRATION_TESTS=1.
export default {
  files: ['tests/integration/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 1,
  timeout: '180s',
};
