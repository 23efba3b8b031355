// The unit tests: no Docker, no network. Processes, not threads: on Node 20 tsx is not applied inside worker threads.
export default {
  files: ['tests/unit/**/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  timeout: '60s',
};
